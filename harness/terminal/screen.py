"""What a person sees while a search runs: one live screen, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evaluator import Failed, Outcome
from harness.proposers.assignment import Assignment
from harness.proposers.formula.naming import readable
from harness.record.run_folder import RunFolder
from harness.run.budget import Spending
from harness.run.run import Watcher
from harness.search.candidate import Candidate
from harness.search.search import Search
from harness.terminal.printing import units_text
from tasks import Task

PLAIN_EVERY_S = 10.0


def duration(seconds: float | None) -> str:
    """2:05, 1:02:05, or "?" when unknown."""
    if seconds is None:
        return "?"
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"


def data_line(task: Task) -> str:
    """One line on where the rows came from."""
    p = task.provenance
    return f"rows from {p.kind} ({p.where}), train {p.train_hash}"


class PlainScreen(Watcher):
    """Lines for logs and pipes: improvements, and a sign of life every ten seconds.

    Args:
        write: takes one line.
        clock: seconds.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._last = clock()
        self._best: str | None = None

    def begin(self, assignment: Assignment, folder: RunFolder, spending: Spending, sandbox: str) -> None:
        task = assignment.task
        self._features = assignment.facts.names
        self._spending = spending
        self._write(f"task {task.name}: {task.spec.title}")
        self._write(data_line(task))
        if task.provenance.note:
            self._write(task.provenance.note)
        self._write(f"sandbox: {sandbox}")
        self._write(f"run: {folder.path}")

    def progress(self, search: Search, candidate: Candidate | None, outcome: Outcome | None) -> None:
        best = search.best
        improved = best is not None and best.candidate.id != self._best
        if not improved and self._clock() - self._last < PLAIN_EVERY_S:
            return
        self._last = self._clock()
        s = self._spending
        head = f"{s.evaluations} evaluations, {search.n_failed} failed, {s.rate():.1f}/s, left {duration(s.seconds_left())}"
        if s.ledger is not None:
            head += f"; {s.ledger.line()}"
        if best is not None:
            self._best = best.candidate.id
            law = readable(best.candidate.law, self._features).text or best.candidate.id
            head += f"; best validation error {best.error:.5g}: {law}"
        self._write(head)

    def say(self, text: str) -> None:
        self._write(text)


class LiveScreen(Watcher):
    """The one screen: budget, rate, best law, niches and the latest improvements.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._improvements: list[str] = []
        self._best: str | None = None

    def begin(self, assignment: Assignment, folder: RunFolder, spending: Spending, sandbox: str) -> None:
        self._task, self._facts = assignment.task, assignment.facts
        self._run, self._spending, self._sandbox = folder.path, spending, sandbox
        self._search: Search | None = None
        self._live = Live(self._panel(), console=self._console, refresh_per_second=4)
        self._live.start()

    def progress(self, search: Search, candidate: Candidate | None, outcome: Outcome | None) -> None:
        self._search = search
        best = search.best
        if best is not None and best.candidate.id != self._best:
            self._best = best.candidate.id
            line = f"{self._spending.evaluations:>6}  {best.error:<8.5g} {best.candidate.draft.edit}"
            self._improvements = [*self._improvements, line][-6:]
        if isinstance(outcome, Failed) and candidate is not None:
            self._last_failure = f"{candidate.id}: {outcome.failure.value}: {outcome.detail}"
        if self._live is not None:
            self._live.update(self._panel())

    def say(self, text: str) -> None:
        self._console.print(Text(text, style="dim"))

    def end(self) -> None:
        if self._live is not None:
            self._live.update(self._panel())
            self._live.stop()
            self._live = None

    _last_failure = ""

    def _panel(self) -> Panel:
        s, search = self._spending, self._search
        b = s.budget
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="bold", no_wrap=True)
        facts.add_column(overflow="fold")
        total = f" of {b.evaluations}" if b.evaluations else ""
        failed = search.n_failed if search else 0
        facts.add_row("evaluations", f"{s.evaluations}{total}, {failed} failed, {s.rate():.1f} a second")
        limit = f" of {duration(60 * b.minutes)}" if b.minutes else ""
        facts.add_row("time", f"{duration(s.seconds)}{limit}, about {duration(s.seconds_left())} left")
        if s.ledger is not None:
            facts.add_row("models", s.ledger.line())
        best = search.best if search else None
        if best is not None:
            facts.add_row(
                "validation error", f"{best.error:.5g} in logs (beyond the fitted rows, inside train)"
            )
            name = readable(best.candidate.law, self._facts.names).text or f"free program {best.candidate.id}"
            facts.add_row("best law", Text(name, style="cyan"))
            units = units_text({f.name: f.unit for f in self._facts.features}, name)
            if best.candidate.law and units:
                facts.add_row("", Text(f"with {units}", style="dim"))
            facts.add_row("constants", f"{best.n_constants}")
        else:
            facts.add_row("best law", "none yet")
        if search is not None:
            sizes = [
                sum(map(len, same)) for same in zip(*(p.sizes.members for p in search.islands), strict=True)
            ]
            niches = len({cell for p in search.islands for cell in p.archive.cells})
            facts.add_row("niches", f"{', '.join(map(str, sizes))} laws from small to large; {niches} elites")
        if self._last_failure:
            facts.add_row("last failure", Text(self._last_failure[:200], style="yellow"))
        parts: list[RenderableType] = [
            ProgressBar(total=1.0, completed=s.share(), width=None),
            Text(""),
            facts,
        ]
        if self._improvements:
            parts += [Text("\nimprovements (at evaluation, validation error, edit)", style="bold")]
            parts += [Text(line) for line in self._improvements]
        where = data_line(self._task)
        parts.append(
            Text(
                f"\n{where}\nsandbox: {self._sandbox}\nrun: {self._run}   Ctrl-C stops, --resume goes on",
                style="dim",
            )
        )
        title = f"{self._task.name}: {self._task.spec.title}"
        if self._task.provenance.note:
            parts.insert(0, Text(f"{self._task.provenance.note}\n", style="yellow"))
        return Panel(Group(*parts), title=title, title_align="left", padding=(1, 2))
