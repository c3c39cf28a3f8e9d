"""The user that libraries expect: one with a name and a home, which a container's user may lack."""

import getpass
import os
import tempfile
from contextlib import suppress


def give_name_and_home() -> None:
    """Set USER and HOME where the user has none, for torch's, matplotlib's and our caches; call it before torchvision.

    The home is a folder of the user's own among the temporary files.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):  # as in `docker run --user 12345`: torch would raise KeyError while it is imported
        os.environ["USER"] = f"user-{os.getuid()}"
    if os.path.expanduser("~") == "~":
        home = os.path.join(tempfile.gettempdir(), f"home-of-{getpass.getuser()}")
        with suppress(OSError):  # where nothing can be written, whoever writes says so
            os.makedirs(home, mode=0o700, exist_ok=True)
        os.environ["HOME"] = home
