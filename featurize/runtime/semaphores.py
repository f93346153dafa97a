"""Named semaphores that killed runs left."""
import os
from contextlib import suppress
from pathlib import Path

from featurize.runtime.leftovers import is_running


def remove_lost_semaphores(shared: Path = Path("/dev/shm")) -> None:
    """Remove named semaphores of this user whose process is gone: a run that was killed could not.

    Parameters
    ----------
    shared : Path
        Where Linux keeps them, named `sem.loky-<process>-<random>`. Other systems have no such folder, and nothing is
        removed there.
    """
    for place in shared.glob("sem.loky-*-*"):
        number = place.name.split("-")[1]
        with suppress(OSError):
            if number.isdecimal() and place.stat().st_uid == os.getuid() and not is_running(int(number)):
                place.unlink()
