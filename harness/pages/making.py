"""From a run's folder to its page, for commands and for the end of a run."""

from __future__ import annotations

from evaluator import EvaluatorError
from harness.errors import HarnessError
from harness.pages.page import FILE, run_page, write_page
from harness.pages.view import RunView, view_of
from harness.record.run_folder import RunFolder
from harness.run.traces import FILE as TRACES
from tasks import TaskError


def viewed(folder: RunFolder, data_dir: str | None = None, weak: bool = False) -> tuple[RunView, str]:
    """What is shown of a run, its traces gathered where they are missing; and why they can't be, where they can't."""
    view, why = view_of(folder.path), ""
    if view.traces is None and (folder.path / TRACES).exists():
        why = f"the rows are not drawn: {'; '.join(view.problems)}"
    elif view.traces is None and view.state == "finished":
        from harness.run.tracing import traces_of  # what it takes to ask a law, which few pages need

        try:
            view.traces = traces_of(folder, data_dir, weak)
        except (HarnessError, TaskError, EvaluatorError) as error:
            why = f"the rows are not drawn: {error}"
    return view, why


def end_page(folder: RunFolder) -> str:
    """Write the page of a run that has just ended; a sentence on where it is, or on why there is none.

    A page that can't be made is no reason to lose a run's result.
    """
    path = folder.path / FILE
    try:
        write_page(path, run_page(view_of(folder.path)))
    except (HarnessError, OSError) as error:
        return f"no page: {error}"
    except (
        Exception
    ) as error:  # of a drawing library or a template: the result stands, and harness report tries again
        return f"no page: {type(error).__name__}: {error}"
    return f"page: {path}"
