"""Programs that attack: a name, what each does, and the failure it must end in.

Each is written so that an attack which succeeds returns normally and would be scored. `{label}` is the
path of a file with held-out targets, `{port}` a port the host listens on.
"""

from __future__ import annotations

import platform
import textwrap
from dataclasses import dataclass

from evaluator import Failure

# The list of importable modules is no fence: everything is reached through NumPy's own imports.
TOP = """
import numpy as np
sys = np.lib._utils_impl.sys
os = sys.modules["os"]
importlib = sys.modules["importlib"]
ctypes = importlib.import_module("ctypes")
LABEL, PORT = {label!r}, {port}

def libc():
    return ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    f = libc().syscall
    f.restype = ctypes.c_long
    done = f(ctypes.c_long(number), *arguments)
    if done < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return done

def check(done):
    if done < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))

def find(kind, test):
    gc = importlib.import_module("gc")
    seen, found, todo = set(), [], list(gc.get_objects()) + [sys._getframe()]
    while todo and len(seen) < 400000:
        o = todo.pop()
        if id(o) in seen:
            continue
        seen.add(id(o))
        if isinstance(o, kind) and test(o):
            found.append(o)
        if type(o).__name__ == "frame":
            todo += list(o.f_locals.values()) + ([o.f_back] if o.f_back else [])
        elif isinstance(o, (dict, list, tuple, set)):
            todo += list(o.values()) if isinstance(o, dict) else list(o)
    return found
"""

FIT_END = "return np.ones(3)"
LAW = "return np.full(len(data_points), params[0])"


@dataclass(frozen=True, slots=True)
class Hostile:
    """One attack.

    Attributes:
        name: what it tries.
        text: the program.
        ends: failures it may end in; empty when it is to be scored, having done no harm.
        slow: whether it ends by using up its time.
    """

    name: str
    text: str
    ends: frozenset[Failure]
    slow: bool = False


def attack(
    name: str, body: str, *ends: Failure, law: str = LAW, top: str = "", slow: bool = False
) -> Hostile:
    lines = [
        TOP.strip("\n"),
        textwrap.dedent(top),
        "# EVOLVE-BLOCK-START",
        "def fit_scaling_law(data_points, loss_values):",
        textwrap.indent(textwrap.dedent(body).strip("\n"), "    "),
        f"    {FIT_END}",
        "def scaling_law_func(data_points, params):",
        textwrap.indent(textwrap.dedent(law).strip("\n"), "    "),
        "# EVOLVE-BLOCK-END",
    ]
    return Hostile(name, "\n".join(lines), frozenset(ends), slow)


def programs(label: str, port: int) -> list[Hostile]:
    """Every attack, aimed at this label file and this port."""
    fill = {"{label!r}": repr(label), "{port}": str(port)}
    filled = []
    for h in (
        TIME
        + MEMORY
        + PROCESSES
        + SIGNALS
        + FILES
        + NETWORK
        + CALLS
        + OUTPUT
        + SNOOPING
        + CRASHES
        + CHEATS
        + CLOCKS
        + CHANNELS
        + TEXTS
    ):
        text = h.text
        for key, value in fill.items():
            text = text.replace(key, value)
        filled.append(Hostile(h.name, text, h.ends, h.slow))
    return filled


F = Failure

TIME = [
    attack("infinite loop", "while True: pass", F.TIMEOUT, slow=True),
    attack(
        "regular expression that blows up",
        "importlib.import_module('re').match('(a+)+$', 'a' * 40 + 'b')",
        F.TIMEOUT,
        slow=True,
    ),
    attack("huge integer", "x = 7 ** (10 ** 9)", F.TIMEOUT, F.MEMORY, slow=True),
    attack("loop inside C code", "sum(range(10 ** 12))", F.TIMEOUT, slow=True),
    attack("sleep for ever", "importlib.import_module('time').sleep(1e6)", F.FORBIDDEN),
    attack("wait for nothing", "libc().poll(None, 0, -1)", F.TIMEOUT, slow=True),
    attack(
        "wait on a lock that nobody opens",
        "l = importlib.import_module('_thread').allocate_lock()\nl.acquire()\nl.acquire()",
        F.TIMEOUT,
        slow=True,
    ),
    attack(
        "loop that ignores every signal",
        """
        signal = importlib.import_module("signal")
        for s in signal.valid_signals():
            try: signal.signal(s, signal.SIG_IGN)
            except (OSError, ValueError): pass
        while True:
            try:
                while True: pass
            except BaseException: pass
        """,
        F.TIMEOUT,
        slow=True,
    ),
    attack(
        "eight busy threads",
        """
        threading = importlib.import_module("threading")
        def busy():
            while True: np.dot(np.ones((300, 300)), np.ones((300, 300)))
        for _ in range(8): threading.Thread(target=busy).start()
        """,
        F.FORBIDDEN,
    ),
    attack(
        "threads left running behind",
        """
        threading = importlib.import_module("threading")
        def busy():
            while True: pass
        for _ in range(3): threading.Thread(target=busy, daemon=False).start()
        """,
        F.FORBIDDEN,
    ),
    attack(
        "exit hook that never ends",
        """
        def busy():
            while True: pass
        importlib.import_module("atexit").register(busy)
        """,
    ),
    attack("endless recursion", "def f(): return f()\nf()", F.EXCEPTION),
    attack(
        "loop after the last answer",
        "pass",
        F.TIMEOUT,
        law="""
        def busy():
            os.write(1, b"still here")
            while True: pass
        sys.modules["__main__"].os._exit = lambda *_: busy()
        return np.full(len(data_points), params[0])
        """,
        slow=True,
    ),
]

MEMORY = [
    attack("ten gigabytes at once", "np.ones(10 * 2 ** 27)", F.MEMORY),
    attack("endless list", "x = []\nwhile True: x.append(bytearray(2 ** 24))", F.MEMORY, F.TIMEOUT),
    attack("doubling text", "x = 'x'\nwhile True: x += x", F.MEMORY),
    attack(
        "memory through the C library",
        "l = libc()\nl.malloc.restype = ctypes.c_void_p\np = l.malloc(ctypes.c_size_t(2 ** 34))\nif not p: raise MemoryError",
        F.MEMORY,
    ),
    attack(
        "recursion without a limit",
        "sys.setrecursionlimit(10 ** 9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())",
        F.CRASH,
        F.MEMORY,
        F.TIMEOUT,
        F.EXCEPTION,
    ),
    attack(
        "thousands of threads",
        """
        threading = importlib.import_module("threading")
        stop = threading.Event()
        for _ in range(10 ** 5): threading.Thread(target=stop.wait, daemon=True).start()
        """,
        F.FORBIDDEN,
    ),
]

PROCESSES = [
    attack("fork bomb", "while True: os.fork()", F.FORBIDDEN),
    attack("fork through the C library", "check(libc().fork())", F.FORBIDDEN),
    attack("a new session", "os.setsid()", F.FORBIDDEN),
    attack("another process group", "os.setpgid(0, os.getppid())", F.FORBIDDEN),
    attack("a shell", "if os.system('true') != 0: raise PermissionError", F.FORBIDDEN),
    attack(
        "a program by subprocess",
        "importlib.import_module('subprocess').run(['/bin/true'])",
        F.FORBIDDEN,
        top="import scipy.stats",
    ),
    attack("a program by posix_spawn", "os.posix_spawn('/bin/true', ['true'], {})", F.FORBIDDEN),
    attack("become another program", "os.execv('/bin/true', ['true'])", F.FORBIDDEN),
    attack(
        "a pool of processes",
        "mp = importlib.import_module('multiprocessing')\nmp.get_context('fork').Process(target=print).start()",
        F.FORBIDDEN,
        F.EXCEPTION,  # a part of it that is not loaded can't be
        top="import scipy.stats",
    ),
]

SIGNALS = [
    attack("kill the parent", "os.kill(os.getppid(), 9)", F.FORBIDDEN),
    attack("kill process 1", "os.kill(1, 9)", F.FORBIDDEN),
    attack("kill everybody", "os.kill(-1, 9)", F.FORBIDDEN),
    attack("kill its own group", "os.killpg(0, 9)", F.FORBIDDEN),
    attack(
        "kill the parent by way of a descriptor's owner",
        """
        fcntl = importlib.import_module("fcntl")
        fcntl.fcntl(3, 10, 9)
        fcntl.fcntl(3, fcntl.F_SETOWN, os.getppid())
        """,
        F.FORBIDDEN,
    ),
    attack("a pidfd of the parent", "os.pidfd_open(os.getppid())", F.FORBIDDEN),
    attack("trace the parent", "check(libc().ptrace(16, os.getppid(), 0, 0))", F.FORBIDDEN),
    attack(
        "read the parent's memory",
        "b = ctypes.create_string_buffer(64)\ncheck(libc().process_vm_readv(os.getppid(), b, 1, b, 1, 0))",
        F.FORBIDDEN,
    ),
]

FILES = [
    attack("read the label file", "open(LABEL).read()", F.FORBIDDEN),
    attack("read the label file by NumPy", "np.loadtxt(LABEL)", F.FORBIDDEN),
    attack("map the label file", "np.memmap(LABEL, dtype='u1')", F.FORBIDDEN),
    attack("read it by a raw call", "call(257, -100, LABEL.encode(), 0)", F.FORBIDDEN),
    attack("read it by openat2", "call(437, -100, LABEL.encode(), bytes(24), 24)", F.FORBIDDEN),
    attack("list the label file's folder", "os.listdir(os.path.dirname(LABEL))", F.FORBIDDEN),
    attack("list the root", "os.listdir('/')", F.FORBIDDEN),
    attack("read the passwords", "open('/etc/passwd').read()", F.FORBIDDEN),
    attack("read its own environment", "open('/proc/self/environ').read()", F.FORBIDDEN),
    attack("read its own memory map", "open('/proc/self/maps').read()", F.FORBIDDEN),
    attack("read the parent's memory file", "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)", F.FORBIDDEN),
    attack(
        "read the tasks' source",
        "open(os.path.join(os.path.dirname(sys.modules['__main__'].__file__), '..', 'tasks', 'rows.py'))",
        F.FORBIDDEN,
    ),
    attack("read the evaluator's source", "open(sys.modules['__main__'].__file__).read()", F.FORBIDDEN),
    attack("a file in /tmp", "open('/tmp/hostile-was-here', 'w').write('x')", F.FORBIDDEN),
    attack("a file in shared memory", "open('/dev/shm/hostile-was-here', 'w').write('x')", F.FORBIDDEN),
    attack("a file in the working folder", "open('hostile-was-here', 'w').write('x')", F.FORBIDDEN),
    attack("NumPy patched on disk", "open(np.__file__, 'a').write('x')", F.FORBIDDEN),
    attack("an unnamed file", "os.open('/tmp', os.O_TMPFILE | os.O_RDWR)", F.FORBIDDEN),
    attack("delete the label file", "os.unlink(LABEL)", F.FORBIDDEN),
    attack("rename the label file", "os.rename(LABEL, LABEL + '2')", F.FORBIDDEN),
    attack("empty the label file", "os.truncate(LABEL, 0)", F.FORBIDDEN),
    attack("make a folder", "os.mkdir('/tmp/hostile-was-here')", F.FORBIDDEN),
    attack("make a link", "os.symlink(LABEL, '/tmp/hostile-was-here')", F.FORBIDDEN),
    attack("make a hard link", "os.link(LABEL, '/tmp/hostile-was-here')", F.FORBIDDEN),
    attack("change a mode", "os.chmod(LABEL, 0o777)", F.FORBIDDEN),
    attack("change an owner", "os.chown(LABEL, 0, 0)", F.FORBIDDEN),
    attack("change a time", "os.utime(LABEL, (0, 0))", F.FORBIDDEN),
    attack("write an attribute", "os.setxattr(LABEL, 'user.x', b'x')", F.FORBIDDEN),
    attack("read an attribute", "os.getxattr(LABEL, 'user.x')", F.FORBIDDEN),
    attack("change the root", "os.chroot('/tmp')", F.FORBIDDEN),
    attack("change the working folder", "os.chdir('/tmp')", F.FORBIDDEN),
]

SOCKET = "socket = importlib.import_module('socket')\n"

NETWORK = [
    attack("TCP to the host", SOCKET + "socket.socket().connect(('127.0.0.1', PORT))", F.FORBIDDEN),
    attack("TCP over IPv6", SOCKET + "socket.socket(socket.AF_INET6)", F.FORBIDDEN),
    attack(
        "UDP", SOCKET + "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))", F.FORBIDDEN
    ),
    attack("a local socket", SOCKET + "socket.socket(socket.AF_UNIX)", F.FORBIDDEN),
    attack("an abstract socket", SOCKET + "socket.socket(socket.AF_UNIX).bind('\\0hostile')", F.FORBIDDEN),
    attack("netlink", SOCKET + "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)", F.FORBIDDEN),
    attack("raw packets", SOCKET + "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", F.FORBIDDEN),
    attack("the virtual machine's host", SOCKET + "socket.socket(socket.AF_VSOCK)", F.FORBIDDEN),
    attack("a pair of sockets", SOCKET + "socket.socketpair()", F.FORBIDDEN),
    attack(
        "descriptors sent away",
        SOCKET + "s = socket.socket(fileno=3)\nsocket.send_fds(s, [b'x'], [1])",
        F.FORBIDDEN,
    ),
]

CALLS = [
    attack("raw socket call", "call(41, 2, 1, 0)", F.FORBIDDEN),
    attack("raw fork call", "call(57)", F.FORBIDDEN),
    attack("raw vfork call", "call(58)", F.FORBIDDEN),
    attack("raw clone call", "call(56, 17, 0, 0, 0, 0)", F.FORBIDDEN),
    attack("raw clone3 call", "call(435, bytes(88), 88)", F.FORBIDDEN),
    attack("raw ptrace call", "call(101, 0, 0, 0, 0)", F.FORBIDDEN),
    attack("io_uring", "call(425, 8, bytes(120))", F.FORBIDDEN),
    attack("an anonymous file", "os.memfd_create('x')", F.FORBIDDEN),
    attack("System V shared memory", "check(libc().shmget(1234, 4096, 0o1777))", F.FORBIDDEN),
    attack("System V messages", "check(libc().msgget(1234, 0o1777))", F.FORBIDDEN),
    attack(
        "POSIX shared memory",
        "check(libc().shm_open(b'/hostile', os.O_CREAT | os.O_RDWR, 0o600))",
        F.FORBIDDEN,
    ),
    attack("a pipe", "os.pipe()", F.FORBIDDEN),
    attack("new namespaces", "check(libc().unshare(0x10000000))", F.FORBIDDEN),
    attack("mount", "check(libc().mount(b'x', b'/tmp', b'tmpfs', 0, 0))", F.FORBIDDEN),
    attack("a BPF program", "call(321, 0, bytes(64), 64)", F.FORBIDDEN),
    attack("performance counters", "call(298, bytes(112), 0, -1, -1, 0)", F.FORBIDDEN),
    attack("userfaultfd", "call(323, 0)", F.FORBIDDEN),
    attack("the kernel's keys", "call(248, b'user', b'x', b'y', 1, -3)", F.FORBIDDEN),
    attack("a file by its handle", "call(304, -100, bytes(64), 0)", F.FORBIDDEN),
    attack("raise its own limits", "r = importlib.import_module('resource')\nr.setrlimit(r.RLIMIT_CPU, (99, 99))", F.FORBIDDEN, F.EXCEPTION),
    attack("become dumpable", "check(libc().prctl(4, 1, 0, 0, 0))", F.FORBIDDEN),
    attack("set the clock", "importlib.import_module('time').clock_settime(0, 0.0)", F.FORBIDDEN),
    attack("another user", "os.setuid(12345)", F.FORBIDDEN),
    attack("priority", "os.nice(-5)", F.FORBIDDEN),
]  # fmt: skip

if platform.machine() == "x86_64":
    CALLS += [
        attack("a call numbered for x32", "call(0x40000000 + 41, 2, 1, 0)", F.FORBIDDEN),
        attack(
            "machine code that makes a 32-bit call",
            """
            mmap = importlib.import_module("mmap")
            m = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            m.write(b"\\xb8\\x02\\x00\\x00\\x00\\xcd\\x80\\xc3")  # mov eax, 2 (fork); int 0x80; ret
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()
            """,
            F.FORBIDDEN,
        ),
    ]
else:  # the raw calls above are numbered for x86_64
    CALLS = [h for h in CALLS if "call(" not in h.text.split("EVOLVE-BLOCK-START")[1]]
    FILES = [h for h in FILES if "call(" not in h.text.split("EVOLVE-BLOCK-START")[1]]

FORGE = """
import json, struct
def frame(header, payload=b""):
    text = json.dumps(header).encode()
    return struct.pack("!IQ", len(text), len(payload)) + text + payload
"""
FORGE = FORGE.replace("import json, struct", "json, struct = sys.modules['json'], sys.modules['struct']")
NONCE = "nonce = find(dict, lambda d: 'nonce' in d and 'program' in d)[0]['nonce']\n"

OUTPUT = [
    attack("a hundred megabytes printed", "for _ in range(100): print('x' * 2 ** 20)", F.OUTPUT_LIMIT),
    attack("a hundred megabytes of errors", "for _ in range(10 ** 5): os.write(2, b'x' * 1024)", F.OUTPUT_LIMIT),
    attack("two hundred megabytes as an answer", "os.write(3, b'x' * 2 ** 28)", F.OUTPUT_LIMIT),
    attack("an answer of a million constants", "return np.zeros(10 ** 6)", F.CONSTANTS_BUDGET),
    attack("an answer without end", "os.write(3, b'\\0' * 12)\nwhile True: os.write(3, b'{' * 65536)", F.BAD_REPLY, F.OUTPUT_LIMIT),
    attack("an answer that breaks off", "os.write(3, bytes([0, 0, 0, 9] + [0] * 8) + b'{')\nos._exit(0)", F.BAD_REPLY),
    attack("a pickle", "os.write(3, frame({'ok': True}, b'cos\\nsystem\\n(S\"id\"\\ntR.' + bytes(3)))\nos._exit(0)", F.BAD_REPLY, top=FORGE),
    attack("no JSON", "os.write(3, struct.pack('!IQ', 4, 0) + b'nope')", F.BAD_REPLY, top=FORGE),
    attack("JSON nested without end", "os.write(3, struct.pack('!IQ', 60000, 0) + b'[' * 60000)", F.BAD_REPLY, top=FORGE),
    attack("a forged answer", "os.write(3, frame({'ok': True, 'shape': [3]}, bytes(24)))\nos._exit(0)", F.BAD_REPLY, top=FORGE),
    attack(
        "a forged answer beside the real one",
        NONCE + "os.write(3, frame({'nonce': nonce, 'ok': True, 'shape': [3]}, bytes(24)))",
        F.BAD_REPLY,
        top=FORGE,
    ),
    attack(
        "a forged answer of a wrong size",
        NONCE + "os.write(3, frame({'nonce': nonce, 'ok': True, 'shape': [10 ** 9, 10 ** 9]}, bytes(24)))",
        F.BAD_REPLY,
        top=FORGE,
    ),
    attack(
        "a forged answer of a size beyond any number",
        NONCE + "os.write(3, frame({'nonce': nonce, 'ok': True, 'shape': [10 ** 40]}, bytes(24)))",
        F.BAD_REPLY,
        top=FORGE,
    ),
    attack(
        "a forged answer of an endless size",
        NONCE + "os.write(3, frame({'nonce': nonce, 'ok': True, 'shape': [float('inf')]}, bytes(24)))",
        F.BAD_REPLY,
        top=FORGE,
    ),
    attack(
        "a forged failure of no known kind",
        NONCE + "os.write(3, frame({'nonce': nonce, 'ok': False, 'failure': {}, 'message': [], 'traceback': 0}))",
        F.BAD_REPLY,
        top=FORGE,
    ),
    attack(
        "a forged failure of the machine",
        NONCE + "os.write(3, frame({'nonce': nonce, 'ok': False, 'failure': 'timeout', 'message': 'x', 'traceback': ''}))",
        F.BAD_REPLY,
        top=FORGE,
    ),
    attack(
        "a forged word that it is locked",
        NONCE + "os.write(3, frame({'nonce': nonce, 'locked': True}))",
        F.BAD_REPLY,
        top=FORGE,
    ),
    attack("the channel closed", "os.close(3)", F.CRASH),
    attack("every descriptor closed", "os.closerange(0, 64)", F.CRASH),
    attack(
        "everything that was sent, read at once",
        "importlib.import_module('threading')\nos.read(3, 1)",
        F.TIMEOUT,
        slow=True,
    ),
]  # fmt: skip

SNOOPING = [
    attack(
        "targets in any array of the predicting child",
        "pass",
        F.EXCEPTION,
        law="""
        arrays = find(np.ndarray, lambda a: a.dtype.kind == "f" and a.size)
        values = np.concatenate([a.ravel() for a in arrays] + [np.zeros(1)])
        raw = b"".join(bytes(b) for b in find((bytes, bytearray, memoryview), lambda b: 8 <= len(b) < 10 ** 7))
        if np.isin(-777.25, values) or np.float64(-777.25).tobytes() in raw:
            return np.full(len(data_points), params[0])
        raise LookupError("no target here")
        """,
    ),
    attack(
        "another program's text",
        "if not find((str, bytes), lambda s: len(s) < 10 ** 6 and REVERSED[isinstance(s, bytes)] in s[::-1]): raise LookupError",
        F.EXCEPTION,
        top="REVERSED = ('REHTONA-FO-TERCES', b'REHTONA-FO-TERCES')",
    ),
    attack(
        "another call's status socket",
        "ok = [fd for fd in range(4, 1100) if not fails(fd)]\nif not ok: raise LookupError",
        F.EXCEPTION,
        top="""
        def fails(fd):
            try:
                importlib.import_module("fcntl").fcntl(fd, 1)
            except OSError:
                return True
        """,
    ),
    attack(
        "secrets in the environment",
        "if not any('SECRET' in k or 'SLD' in k for k in os.environ): raise LookupError",
        F.EXCEPTION,
    ),
    attack(
        "the evaluator in memory",
        "if not any(m in sys.modules for m in ('evaluator', 'tasks', 'evaluator.metric', 'harness')): raise LookupError",
        F.EXCEPTION,
    ),
]  # fmt: skip

CRASHES = [
    attack("a null pointer read", "ctypes.string_at(0)", F.CRASH),
    attack("a wild write", "ctypes.memset(8, 0, 8)", F.CRASH),
    attack("abort", "os.abort()", F.CRASH),
    attack("leave silently", "os._exit(0)", F.CRASH),
    attack("leave with our own code", "os._exit(70)", F.CRASH),
    attack("leave politely", "sys.exit(0)", F.EXCEPTION),
    attack("an interrupt", "raise KeyboardInterrupt", F.EXCEPTION),
    attack("an error that cannot be printed", "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E()", F.EXCEPTION),
    attack("an error that is a megabyte long", "raise ValueError('x' * 10 ** 6)", F.EXCEPTION),
    attack("an error with a surrogate", "raise ValueError('\\ud800')", F.EXCEPTION),
    attack("reference counts destroyed", "for _ in range(10): ctypes.pythonapi.Py_DecRef(ctypes.py_object(None))\nctypes.memset(id(np), 0, 64)\nnp.x", F.CRASH, F.EXCEPTION),
]  # fmt: skip

CHEATS = [
    attack("training rows as constants", "return loss_values", F.CONSTANTS_BUDGET),
    attack("another answer each time", "return np.random.default_rng().normal(size=3)", F.NOT_REPEATABLE),
    attack("the clock, finely", "return [importlib.import_module('time').time()]"),
    attack("the clock, coarsely", "return [float(np.datetime64('now').astype(int))]", F.FORBIDDEN),
    attack("its own process number", "return [float(os.getpid() + os.getppid())]"),
    attack("an object's address", "return [float(id(object()))]", F.NOT_REPEATABLE),
    attack("a fit that stops after some time", "t = importlib.import_module('time').perf_counter\nend, n = t() + 0.02, 0\nwhile t() < end: n += 1\nreturn [float(n)]"),
    attack("the whole batch looked at", "pass", F.ROW_DEPENDENCE, law="return data_points[:, 0] / data_points[:, 0].mean()"),
    attack("state between calls", "pass", F.ROW_DEPENDENCE, law="np.n = getattr(np, 'n', 0) + 1\nreturn np.full(len(data_points), np.n)"),
    attack(
        "NumPy replaced",
        """
        for name in ("asarray", "frombuffer", "ascontiguousarray", "atleast_1d", "isfinite", "allclose"):
            setattr(np, name, lambda *a, **k: 0.0)
        """,
        F.EXCEPTION, F.CRASH, F.SHAPE,
    ),
    attack("builtins replaced", "b = importlib.import_module('builtins')\nb.len = lambda x: 0\nb.isinstance = lambda *a: True", F.CRASH, F.EXCEPTION, F.BAD_REPLY),
    attack(
        "our own code replaced",
        """
        wire = sys.modules["wire"]
        honest = wire.encode
        wire.encode = lambda header, _: honest(header, np.random.default_rng().normal(size=3).tobytes())
        """,
        F.NOT_REPEATABLE,
    ),
    attack("the allowed list replaced", "find(dict, lambda d: 'modules' in d and 'nonce' in d)[0]['modules'].append('socket')\n__import__('socket').socket()", F.FORBIDDEN),
]  # fmt: skip

RAW = """
def machine_code(raw):
    mmap = importlib.import_module("mmap")
    m = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    m.write(raw)
    return ctypes.CFUNCTYPE(ctypes.c_longlong)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()
"""

CLOCKS = [
    attack("the load of the machine", "return list(os.getloadavg())", F.FORBIDDEN, F.EXCEPTION),
    attack("the load from its file", "return [float(open('/proc/loadavg').read().split()[0])]", F.FORBIDDEN),
    attack("how long the machine is up", "return [float(open('/proc/uptime').read().split()[0])]", F.FORBIDDEN),
    attack("the machine's own facts", "check(libc().sysinfo(ctypes.create_string_buffer(512)))", F.FORBIDDEN),
    attack("the number of processors", "os.sched_getaffinity(0)", F.FORBIDDEN),
    attack("resources used", "r = importlib.import_module('resource')\nr.getrusage(r.RUSAGE_SELF)", F.FORBIDDEN),
    attack("times of the process", "return [float(sum(os.times()))]", F.FORBIDDEN, F.EXCEPTION, F.NOT_REPEATABLE),
    attack("a sleep until a day", "if libc().clock_nanosleep(0, 1, (ctypes.c_long * 2)(1, 0), None): raise PermissionError", F.FORBIDDEN),
    attack("an alarm", "importlib.import_module('signal').setitimer(0, 0.01)", F.FORBIDDEN),
    attack("an alarm in seconds", "libc().alarm(1)\nwhile True: pass", F.TIMEOUT, slow=True),
    attack("a timer of the kernel", "check(libc().timer_create(1, None, ctypes.create_string_buffer(8)))", F.FORBIDDEN),
    attack("a timer as a descriptor", "check(libc().timerfd_create(1, 0))", F.FORBIDDEN),
    attack("the rest of the time limit as a clock", """
        signal = importlib.import_module("signal")
        class Up(Exception): pass
        def up(*_): raise Up
        signal.signal(signal.SIGXCPU, up)
        n = 0
        try:
            while True: n += 1
        except Up: return [float(n)]
        """, F.TIMEOUT, slow=True),
    attack("a second thread that counts", """
        count = [0]
        def tick():
            while True: count[0] += 1
        importlib.import_module("_thread").start_new_thread(tick, ())
        return [float(count[0])]
        """, F.FORBIDDEN),
    attack("the minute as a constant", "return [float(importlib.import_module('time').time() // 60)]"),
    attack("the day as a constant", "return [float(importlib.import_module('datetime').date.today().toordinal())]", F.FORBIDDEN),
    attack("every clock as a constant", "t = importlib.import_module('time')\nreturn [t.time(), t.monotonic(), t.perf_counter(), t.process_time(), t.thread_time(), float(t.time_ns() % 10**15)]"),
    attack("the clock by its library call", "b = (ctypes.c_long * 2)()\nlibc().clock_gettime(1, b)\nreturn [float(b[0]), float(b[1])]"),
    attack("the time by its library call", "return [float(libc().time(None) % 10**9)]"),
]  # fmt: skip

if platform.machine() == "x86_64":
    CLOCKS += [
        attack("the clock by a raw call", "call(228, 0, ctypes.create_string_buffer(16))", F.FORBIDDEN),
        attack("the time of day by a raw call", "call(96, ctypes.create_string_buffer(16), 0)", F.FORBIDDEN),
        attack("the time by a raw call", "call(201, 0)", F.FORBIDDEN),
        attack("a sleep by a raw call", "call(35, (ctypes.c_long * 2)(0, 1), 0)", F.FORBIDDEN),
        attack("which processor it runs on", "call(309, ctypes.create_string_buffer(4), 0, 0)", F.FORBIDDEN),
        attack("the processor's counter", "machine_code(b'\\x0f\\x31\\xc3')", F.CRASH, top=RAW),
        attack("the processor's other counter", "machine_code(b'\\x0f\\x01\\xf9\\xc3')", F.CRASH, top=RAW),
        attack("a performance counter by its instruction", "machine_code(b'\\x31\\xc9\\x0f\\x33\\xc3')", F.CRASH, top=RAW),
        attack(
            "the kernel's page of the time",
            "l = libc()\nl.getauxval.restype = ctypes.c_ulong\nat = l.getauxval(33)\nctypes.string_at(at - 0x6000, 256)",
            F.CRASH,
        ),
        attack(
            "the kernel's page of the machine's clock",
            "l = libc()\nl.getauxval.restype = ctypes.c_ulong\nat = l.getauxval(33)\nctypes.string_at(at - 0x2000, 64)",
            F.CRASH,
        ),
    ]  # fmt: skip

CARRY = """
LIBRARY = os.path.dirname(np.__file__)
"""

CHANNELS = [
    attack(
        "training targets carried by times of access",
        """
        names = sorted(n for n in os.listdir(LIBRARY) if n.endswith(".py"))
        for name, y in zip(names, loss_values):
            if y > loss_values.mean(): open(os.path.join(LIBRARY, name)).read(1)
        """,
        F.FORBIDDEN,
        law="""
        names = sorted(n for n in os.listdir(LIBRARY) if n.endswith(".py"))
        return np.array([os.stat(os.path.join(LIBRARY, n)).st_atime for n in names][:len(data_points)])
        """,
        top=CARRY,
    ),
    attack("a library file read", "open(np.__file__).read(1)", F.FORBIDDEN),
    attack("a library file mapped", "np.memmap(np.__file__, dtype='u1', mode='r')", F.FORBIDDEN),
    attack("the library's folder listed", "os.listdir(LIBRARY)", F.FORBIDDEN, top=CARRY),
    attack("when a library file was read last", "return [os.stat(np.__file__).st_atime]", F.FORBIDDEN),
    attack("the same without following links", "return [os.lstat(np.__file__).st_atime]", F.FORBIDDEN),
    attack("a link followed", "os.readlink('/proc/self/exe')", F.FORBIDDEN),
    attack("a path asked for", "if not os.access(LABEL, os.F_OK): raise PermissionError", F.FORBIDDEN),
    attack("the label file's size", "return [float(os.stat(LABEL).st_size)]", F.FORBIDDEN),
    attack("the working folder", "os.getcwd()", F.FORBIDDEN),
    attack("a module loaded late", "importlib.import_module('this')", F.FORBIDDEN, F.EXCEPTION),
    attack("a library loaded late", "ctypes.CDLL('libresolv.so.2')", F.FORBIDDEN, F.EXCEPTION),
    attack("the number of its output file", "return [float(os.fstat(1).st_ino)]", F.FORBIDDEN),
    attack("the number of its socket", "return [float(os.fstat(3).st_ino)]", F.FORBIDDEN),
    attack("space left on the disk", "return [float(os.statvfs('/').f_bfree)]", F.FORBIDDEN),
    attack("flags of a descriptor", "f = importlib.import_module('fcntl')\nf.fcntl(0, f.F_SETFL, f.fcntl(0, f.F_GETFL) | os.O_APPEND)", F.FORBIDDEN),
    attack("flags of a descriptor by ioctl", "os.set_blocking(0, False)", F.FORBIDDEN),
    attack("a lock on a descriptor", "f = importlib.import_module('fcntl')\nf.flock(1, f.LOCK_EX)", F.FORBIDDEN),
    attack("a record lock on a descriptor", "f = importlib.import_module('fcntl')\nf.lockf(1, f.LOCK_EX)", F.FORBIDDEN),
    attack("a lease on a descriptor", "f = importlib.import_module('fcntl')\nf.fcntl(1, 1024, 1)", F.FORBIDDEN),
    attack("a seal on its output", "f = importlib.import_module('fcntl')\nf.fcntl(1, 1033, 2)", F.FORBIDDEN),
    attack("memory that could be shared", "importlib.import_module('mmap').mmap(-1, 4096)", F.FORBIDDEN),
    attack("its output file mapped", "importlib.import_module('mmap').mmap(1, 0)", F.FORBIDDEN, F.EXCEPTION),
    attack("memory locked", "check(libc().mlock(ctypes.create_string_buffer(4096), 4096))", F.FORBIDDEN),
    attack("which pages are in memory", "check(libc().mincore(ctypes.c_void_p(id(np) // 4096 * 4096), 4096, ctypes.create_string_buffer(4)))", F.FORBIDDEN),
    attack("pages of the file cache by a raw call", "call(451, 1, bytes(16), bytes(40), 0)", F.FORBIDDEN),
    attack("System V semaphores", "check(libc().semget(77, 1, 0o1777))", F.FORBIDDEN),
    attack("System V memory asked after", "check(libc().shmctl(0, 14, ctypes.create_string_buffer(256)))", F.FORBIDDEN),
    attack("POSIX message queues", "l = ctypes.CDLL(None, use_errno=True)\ncall(240, b'hostile', os.O_CREAT | os.O_RDWR, 0o600, 0)", F.FORBIDDEN),
    attack("a named semaphore", "importlib.import_module('_multiprocessing').SemLock(1, 1, 1, '/hostile', False)", F.FORBIDDEN, F.EXCEPTION),
    attack("an event counter", "check(libc().eventfd(0, 0))", F.FORBIDDEN),
    attack("an epoll", "importlib.import_module('select').epoll()", F.FORBIDDEN),
    attack("watch a folder", "check(libc().inotify_init())", F.FORBIDDEN),
    attack("its priority", "os.setpriority(os.PRIO_PROCESS, 0, 5)", F.FORBIDDEN),
    attack("its scheduling", "os.sched_setscheduler(0, 3, os.sched_param(0))", F.FORBIDDEN),
    attack("its processor", "os.sched_setaffinity(0, {0})", F.FORBIDDEN),
    attack("a personality", "check(libc().personality(0x0040000))", F.FORBIDDEN),
    attack("how it is stored when it crashes", "check(libc().prctl(4, 1, 0, 0, 0))", F.FORBIDDEN),
    attack("its name as others see it", "check(libc().prctl(15, b'hostile', 0, 0, 0))", F.FORBIDDEN),
    attack("thousands of raw threads", "for _ in range(6000): call(56, 0x3d0f00, 0, 0, 0, 0)", F.FORBIDDEN) if platform.machine() == "x86_64" else attack("a raw thread", "check(libc().clone(None, None, 0x3d0f00, None))", F.FORBIDDEN),
    attack("a thread by the C library", """
        run = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: None)
        code = libc().pthread_create(ctypes.create_string_buffer(8), None, run, None)
        if code: raise PermissionError(code, "pthread_create")
        """, F.FORBIDDEN),
    attack("a pool of threads", "sys.modules['concurrent.futures.thread'].ThreadPoolExecutor(4).submit(min, 1, 2).result()", F.FORBIDDEN, top="import scipy.stats"),
]  # fmt: skip

DEEP = 3000

TEXTS = [
    Hostile("three thousand brackets", "x = " + "(" * DEEP + ")" * DEEP, frozenset({F.NO_EVOLVE_BLOCK, F.SYNTAX})),
    Hostile("a program of null bytes", "\0" * 1000, frozenset({F.NO_EVOLVE_BLOCK, F.SYNTAX})),
    Hostile("a lone surrogate", "# EVOLVE-BLOCK-START\nx = '\ud800'\n# EVOLVE-BLOCK-END", frozenset({F.SYNTAX})),
    Hostile("a program too long", "# EVOLVE-BLOCK-START\n" + "x = 1\n" * 50_000 + "# EVOLVE-BLOCK-END", frozenset({F.FORBIDDEN})),
    attack("a number of 5,000 digits", "return [float(" + "9" * 5000 + ")]", F.SYNTAX),
    attack("a sum of 15,000 terms", "return [float(" + "+".join(["1"] * 15_000) + ")]", F.SYNTAX, F.EXCEPTION, F.MEMORY, F.CRASH),
    attack("a number of a million digits, printed", "return [float(len(str(10 ** 10 ** 6)))]", F.EXCEPTION),
    attack("a list of a billion, unfolded", "a = [0] * 10\nfor _ in range(9): a = [a] * 10\nreturn a", F.MEMORY, F.TIMEOUT, F.SHAPE, F.EXCEPTION, F.CONSTANTS_BUDGET),
]  # fmt: skip
