"""Memory that was freed goes back to the system."""
import ctypes
import sys


def give_back() -> None:
    """Let the C library of Linux (glibc) return free memory; it would keep that of many small parts for later ones."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
