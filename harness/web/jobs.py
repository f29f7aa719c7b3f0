"""Commands that the app starts: each in a process and a folder of its own, by the same doors as a person's."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import BadRun

COMMAND = (sys.executable, "-m", "harness")
FOLDER = ".web"
MOST_RUNNING = 4
MOST_TEXT = 60_000
"""Characters of what a command printed that are shown."""


@dataclass(slots=True)
class Job:
    """One command.

    Attributes:
        kind: "score", "fit" or "evolve".
        title: what it is about.
    """

    id: str
    kind: str
    title: str
    folder: Path
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs."""
        return self.process.poll()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def text(self, name: str) -> str:
        """What it printed: "stdout" or "stderr", its end where it is long."""
        data = (self.folder / name).read_bytes()
        return data[-MOST_TEXT:].decode("utf-8", "replace")

    @property
    def words(self) -> str:
        """All that it printed for people."""
        return self.text("stdout") + self.text("stderr")

    def stop(self) -> None:
        """As Ctrl-C: nothing finished is lost."""
        if self.code is None:
            self.process.send_signal(signal.SIGINT)


class Jobs:
    """Commands of this server, in a hidden folder beside the runs."""

    def __init__(self, root: Path, weak: bool = False) -> None:
        self.root, self.weak = root, weak
        self.jobs: dict[str, Job] = {}

    def room(self) -> tuple[str, Path]:
        """Name and folder of a job to come, for its files.

        Raises:
            BadRun: too many are running, or the folder can't be made.
        """
        running = sum(job.code is None for job in self.jobs.values())
        if running >= MOST_RUNNING:
            raise BadRun(f"{running} commands are running; wait for one of them or stop it")
        id = secrets.token_hex(8)
        folder = self.root / FOLDER / id
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise BadRun(f"{folder}: can't be made ({error.strerror}); the runs folder must be writable") from error  # fmt: skip
        return id, folder

    def start(self, id: str, folder: Path, kind: str, title: str, argv: list[str]) -> Job:
        """Begin a command; options are `--name=value`, so that no value can be taken for an option."""
        weak = ["--allow-weak-sandbox"] if self.weak and kind in ("score", "evolve") else []
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                [*COMMAND, *argv, *weak],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
                start_new_session=True,  # Ctrl-C at the server stops no search
            )
        job = Job(id, kind, title, folder, process)
        self.jobs[id] = job
        return job

    def find(self, id: str) -> Job:
        """A job of this server by its name.

        Raises:
            BadRun: there is none.
        """
        if id not in self.jobs:
            raise BadRun("no such command; the server may have been started anew")
        return self.jobs[id]


def said(argv: list[str]) -> tuple[int, str]:
    """Exit code and words of a short command."""
    done = subprocess.run(
        [*COMMAND, *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
        timeout=120,
    )
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")[-MOST_TEXT:]
