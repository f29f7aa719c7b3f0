"""Which layers hold on this machine? Found out by attacking ourselves.

    harness doctor [--json] [--without LAYER]

Exit code 0 when every attack was contained, 1 when one was not, 3 when the sandbox does not start.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from evaluator.errors import SandboxError
from evaluator.outcome import Failed, Failure
from evaluator.sandbox.job import Job, Limits, Reply, Step
from evaluator.sandbox.local import LocalSandbox

LIMITS = Limits(fit_cpu_s=1, wall_factor=1.5, memory_mb=256)

# Reached through NumPy's own imports: the list of modules a program may import is no fence.
PREAMBLE = """
import numpy as np
sys = np.lib._utils_impl.sys
os, load = sys.modules["os"], sys.modules["importlib"].import_module
def scaling_law_func(data_points, params): return data_points[:, 0]
def fit_scaling_law(data_points, loss_values):
"""


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing a program might try.

    Attributes:
        area: what is defended.
        tries: in words.
        body: statements; returning means the attack succeeded.
        ends: failures that show it was contained.
    """

    area: str
    tries: str
    body: str
    ends: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    area: str
    tries: str
    contained: bool
    said: str


def attacks(label: str, port: int) -> list[Attack]:
    """Attacks aimed at a file of labels and a port that listens."""
    no = (Failure.FORBIDDEN,)
    return [
        Attack("time", "loop for ever, ignoring signals", LOOP, (Failure.TIMEOUT,)),
        Attack("time", "wait for ever", "load('select').poll().poll()", (Failure.TIMEOUT,)),
        Attack("memory", "take ten gigabytes", "np.ones(10 * 2 ** 27)", (Failure.MEMORY,)),
        Attack("crash", "read through a null pointer", "load('ctypes').string_at(0)", (Failure.CRASH,)),
        Attack("files", "read a file of labels", f"open({label!r}).read()", no),
        Attack("files", "read the password file", "open('/etc/passwd').read()", no),
        Attack("files", "list the root folder", "os.listdir('/')", no),
        Attack("files", "write a file", f"open({label + '.new'!r}, 'w').write('x')", no),
        Attack("files", "delete the file of labels", f"os.unlink({label!r})", no),
        Attack("files", "change its mode", f"os.chmod({label!r}, 0o777)", no),
        Attack("processes", "fork", "os.fork() or os._exit(0)", no),
        Attack("processes", "run a program", "os.execv('/bin/true', ['true'])", no),
        Attack("processes", "start a thread", "load('_thread').start_new_thread(int, ())", no),
        Attack("processes", "kill the parent", "os.kill(os.getppid(), 9)", no),
        Attack("network", "connect by TCP", f"load('socket').socket().connect(('127.0.0.1', {port}))", no),
        Attack("network", "open a UDP socket", "s = load('socket')\ns.socket(type=s.SOCK_DGRAM)", no),
        Attack("network", "open a local socket", "s = load('socket')\ns.socket(s.AF_UNIX)", no),
        Attack("channels", "share memory with another process", SHARE, no),
        Attack("channels", "read a library's time of access", "os.stat(np.__file__).st_atime", no),
        Attack("channels", "set a descriptor's flags", "os.set_blocking(0, False)", no),
        Attack("clocks", "read the load of the machine", "os.getloadavg()", (*no, Failure.EXCEPTION)),
        Attack("clocks", "read the clock", CLOCK, no),
        Attack("clocks", "read the processor's counter", COUNTER, (Failure.CRASH, *no)),
        Attack("limits", "raise its own limits", RAISE, (Failure.FORBIDDEN, Failure.EXCEPTION)),
        Attack(
            "output", "print a hundred megabytes", "while True: print('x' * 2 ** 20)", (Failure.OUTPUT_LIMIT,)
        ),
        Attack("answer", "forge an answer", "os.write(3, bytes(12))", (Failure.BAD_REPLY,)),
    ]


LOOP = """
s = load("signal")
for n in s.valid_signals():
    try: s.signal(n, s.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
"""

SHARE = """
c = load("ctypes")
if c.CDLL(None, use_errno=True).shmget(4321, 4096, 0o1777) < 0: raise PermissionError("shmget refused")
"""

CLOCK = """
t = load("time")
if t.time() // 60 == t.monotonic() // 60 == 10**9 // 60: raise PermissionError("it counts looks")
"""

COUNTER = """
if os.uname().machine != "x86_64": raise PermissionError("not on this machine")
c, m = load("ctypes"), load("mmap")
area = m.mmap(-1, 4096, flags=m.MAP_PRIVATE | m.MAP_ANONYMOUS, prot=7)
area.write(bytes([15, 49, 195]))
c.CFUNCTYPE(c.c_int)(c.addressof(c.c_char.from_buffer(area)))()
"""

RAISE = "r = load('resource')\nr.setrlimit(r.RLIMIT_CPU, (999, 999))"


LAYERS = (
    ("rlimits", "resource limits", "memory is only watched from outside"),
    ("Landlock", "Landlock", "seccomp must refuse to open any file, or programs can read yours"),
    (
        "seccomp",
        "seccomp",
        "UDP, signals, threads and shared memory are left to others, times of access are seen",
    ),
    (
        "own clock",
        "a clock of its own",
        "a program sees the time; a fit that uses it may pass for a constant",
    ),
    ("no capabilities", "no capabilities", "a program keeps what root may do, as far as the rest lets it"),
    ("namespaces", "namespaces", "nothing that the layers above do not hold too"),
)
"""Word in the level, name, what it means to lack it."""


def examine(sandbox: LocalSandbox) -> list[Finding]:
    """Run every attack."""
    step = Step("fit", {"rows": 2, "most_constants": 8}, np.zeros(4), 8)
    findings = []
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        label = Path(folder) / "labels.csv"
        label.write_text("1.0\n")
        for attack in attacks(str(label), server.getsockname()[1]):
            lines = [f"    {line}" for line in attack.body.strip().splitlines()]
            text = PREAMBLE + "\n".join([*lines, "    return [1.0]"])
            answer = sandbox.run(Job("fit", text, 1, 1, [step]), LIMITS)
            contained = isinstance(answer, Failed) and answer.failure in attack.ends
            said = "it succeeded" if isinstance(answer, Reply) else f"{answer.failure}: {answer.detail}"
            findings.append(Finding(attack.area, attack.tries, contained, said))
        if not label.exists() or label.read_text() != "1.0\n" or len(list(Path(folder).iterdir())) != 1:
            findings.append(Finding("files", "leave the folder of labels alone", False, "it was changed"))
    return findings


def main(argv: list[str] | None = None, kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> int:
    """The command; `kind` makes its parser, so that `harness doctor` errs like every command of the harness."""
    parser = kind(prog="harness doctor", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="LAYER",
        choices=["landlock", "seccomp", "capabilities", "namespaces", "clock"],
        help="leave a layer out, to see what it was good for (may be repeated)",
    )
    args = parser.parse_args(argv)
    started = time.monotonic()
    try:
        with LocalSandbox(workers=1, allow_weak_sandbox=True, without=tuple(args.without)) as sandbox:
            findings = examine(sandbox)
    except (SandboxError, OSError) as error:  # or no folder for the file that is attacked, no port
        print(f"error: {error}", file=sys.stderr)
        return 3
    seconds = time.monotonic() - started
    broken = [f for f in findings if not f.contained]
    if args.json:
        said = {"level": sandbox.level, "seconds": seconds, "findings": [asdict(f) for f in findings]}
        print(json.dumps(said, indent=1))
        return 1 if broken else 0
    print(f"sandbox: {sandbox.level}\n")
    for word, title, without in LAYERS:
        held = word in sandbox.level.partition(";")[0]
        print(
            f"  {'yes' if held else 'no':<5}  {title:<18}{'' if held else ' without it: ' + without}".rstrip()
        )
    print()
    for f in findings:
        print(f"  {'held ' if f.contained else 'BROKE'}  {f.area:<10} {f.tries:<36} {f.said[:90]}")
    print(f"\n{len(findings) - len(broken)} of {len(findings)} attacks contained, in {seconds:.1f} s")
    if broken:
        print("Run programs you do not trust in a container or a virtual machine on this system.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
