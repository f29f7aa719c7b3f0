"""The doors a child closes behind itself, each in a module of its own.

Order matters: descriptors, then the tie to the zygote's life; after the job has been read
capabilities, limits, no_new_privs, Landlock and seccomp last.

Standard library alone: the zygote imports this package by path.
"""

from __future__ import annotations

import os

from layers import limits

CHANNEL = 3


class Lockdown:
    """The layers of one zygote, prepared once and applied in each child."""

    def __init__(self, config: dict) -> None:
        self.wanted = tuple(config["layers"])
        self.base_bytes = limits.address_space()

    def layers(self) -> list[str]:
        """Layers that hold, as the host prints them."""
        return ["process", "rlimits"]

    def enter(self, job: int, output: int) -> int:
        """Keep three descriptors and no more; returns the job socket's new number."""
        os.setpgid(0, 0)
        limits.die_with_parent()
        # Both move high first: a small number may be the very one the other is to get.
        import fcntl

        job, output = (fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in (job, output))
        os.dup2(job, CHANNEL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(CHANNEL + 1, 65536)
        return CHANNEL

    def lock(self, wanted: dict) -> None:
        """Close everything that is still open; called when the job has been read."""
        limits.apply(wanted["cpu_s"], self.base_bytes + wanted["memory_bytes"], wanted["output_bytes"])
