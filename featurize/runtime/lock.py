"""Folders that one run of this program holds at a time."""
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from featurize.errors import UserError

if sys.platform != "win32":
    import fcntl


@contextmanager
def held_folder(folder: Path, taken: str) -> Iterator[None]:
    """Make a folder and hold it; the system lets go of it when the process ends, however it ends.

    Where the system or the file system has no locks the folder is made and nobody is kept from it.

    Parameters
    ----------
    folder : Path
        Another run may have it removed while this one waits for it: it is then made again.
    taken : str
        The error's message where another run holds the folder.

    Raises
    ------
    UserError
        Another run holds the folder, or it cannot be made.
    """
    try:
        handle = _hold(folder)
    except BlockingIOError:
        raise UserError(taken) from None
    except FileExistsError as error:
        raise UserError(f"{folder} is a file, and a folder of that name is wanted there while the run lasts: move it "
                        "away, or choose another name with -o") from error
    except OSError as error:
        raise UserError(f"cannot write into {folder.parent} ({error.strerror}): choose another place with "
                        "-o") from error
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def held_output(folder: Path, command: str) -> Iterator[None]:
    """`held_folder` for the output folder of a command; one that a refused run made is removed if it is empty.

    Parameters
    ----------
    folder : Path
    command : str
        Name of the command, for the message where another run of it holds the folder.

    Raises
    ------
    UserError
        As of `held_folder`.
    """
    is_new = not folder.exists()
    with held_folder(folder, f"another run of `{command}` writes into {folder}: wait for it, or give another folder "
                     "with -o"):
        try:
            yield
        finally:
            if is_new and not any(folder.iterdir()):
                folder.rmdir()


def _hold(folder: Path) -> int | None:
    """An open handle on the folder; None on a system without them."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            return None
        handle = os.open(folder, os.O_RDONLY)
        try:
            _lock(handle)
            if os.path.samestat(os.fstat(handle), os.stat(folder)):
                return handle
        except FileNotFoundError:
            pass
        except OSError:
            os.close(handle)
            raise
        # The run that held the folder has removed it since it was opened here.
        os.close(handle)


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        # Some network file systems have no locks.
        pass
