"""Garbage collection of processes that make many objects and hardly any cycle, and the return of free memory."""

import ctypes
import gc


def collect_rarely() -> None:
    """Exclude the program's own objects from garbage collection, and collect less often.

    Reference counts free what a call or a row made when it ends; collections took a twelfth of the server's time in
    measurements, and an eighth of an import's.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def return_memory() -> None:
    """Return free memory to the operating system, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
