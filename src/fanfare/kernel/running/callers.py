"""Programs that work for a process of this installation, and end with it, however that ends."""

import os
import threading

STATUS = 1


def end_with_caller() -> None:
    """End this program once its standard input ends, which is a pipe that the caller alone holds open."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    # A buffered reader would be locked when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(STATUS)
