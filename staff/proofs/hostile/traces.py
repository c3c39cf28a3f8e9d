"""Attacks by what is left behind for a later call or a later submission to find.

A trace is a file in whatever folder takes it, a System V object, a queue, a key, a name of a socket. No call may find
one: neither of its own submission's earlier calls, nor of an earlier submission's. `AFTER` says which attack is graded
right before another.
"""

import platform
import textwrap

NAME = "left-by-an-attack"  # the same for every submission
_ADD_KEY, _KEYCTL = {"aarch64": (217, 219)}.get(platform.machine(), (248, 250))

_TRACES = f"""
    name, key, libc = "{NAME}", 0x0A3F2, ctypes.CDLL(None)
    rings = -3, -4, -5  # of the session, of the user, of the user's session

    def folders():
        stop = time.monotonic() + 15
        for folder, inner, _ in os.walk("/"):
            inner[:] = [] if folder in ("/proc", "/sys", "/usr/share") or time.monotonic() > stop else inner
            yield folder

    def leave():
        for folder in folders():
            try:
                os.mkdir(os.path.join(folder, name))
                os.mkfifo(os.path.join(folder, name, name))
            except OSError:
                pass
        libc.shmget(key, 4096, 0o1666), libc.msgget(key, 0o1666), libc.semget(key, 1, 0o1666)
        libc.mq_open(b"/" + name.encode(), os.O_CREAT | os.O_RDWR, 0o666, None)
        for ring in rings:
            libc.syscall({_ADD_KEY}, b"user", name.encode(), b"x", ctypes.c_size_t(1), ring)
        if os.fork() == 0:
            os.setsid()
            link = socket.socket(socket.AF_UNIX)
            link.bind("\\0" + name)
            link.listen()
            time.sleep(SECONDS)
            os._exit(0)

    def look():
        for folder in folders():
            for entry in os.listdir(folder) if os.access(folder, os.R_OK) else ():
                breach("found " + os.path.join(folder, entry)) if entry.startswith(name) else None
        for get in (lambda: libc.shmget(key, 0, 0), lambda: libc.msgget(key, 0), lambda: libc.semget(key, 0, 0)):
            breach("found a System V object") if get() >= 0 else None
        breach("found a queue") if libc.mq_open(b"/" + name.encode(), os.O_RDWR) >= 0 else None
        for ring in rings:
            if libc.syscall({_KEYCTL}, 10, ring, b"user", name.encode(), 0) >= 0:
                breach("found a key")
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect("\\0" + name)
        except OSError:
            return
        breach("found a socket")
"""
_TRACES = textwrap.dedent(_TRACES).replace("{", "{{").replace("}", "}}")

BODIES = {
    "leaves traces, and looks for those of its last call": _TRACES + "\nlook()\nleave()\n",
    "looks for the traces of the last submission": _TRACES + "\nlook()\n",
}
AFTER = {"looks for the traces of the last submission": "leaves traces, and looks for those of its last call"}
