"""The harness: what do we try next, what have we found, what do we forecast?"""

from importlib.util import find_spec as _find_spec
from pathlib import Path as _Path


def _check_not_hidden() -> None:
    """Say so where a file of the user's own has the name of a package of ours.

    `python -m harness.evolve` puts the current folder before the installed packages, so a `tasks.py` there is
    what `import tasks` would find.

    Raises:
        ImportError: with the file and what to do.
    """
    ours = _Path(__file__).resolve().parents[1]
    for name in ("tasks", "evaluator", "tables", "fitting", "curves", "studies", "measure"):
        spec = _find_spec(name)
        place = spec.origin if spec is not None else None
        if place is not None and ours not in _Path(place).resolve().parents:
            raise ImportError(
                f"our package {name!r} is hidden by {place}; use the command `harness`, which does not look in the "
                "current folder, or start from another folder, or rename that file",
                name=__name__,  # so that `python -m` prints the line alone
            )


_check_not_hidden()
