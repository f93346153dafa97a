"""A Dask cluster: reached, waited for, and told in one line when it is gone."""
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from featurize.errors import UserError
from featurize.images.picture import quiet

# How long a Dask scheduler may take to answer.
_SCHEDULER_TIMEOUT_S = 5
# How long a Dask cluster may be without any worker, and how often that is looked at while nothing ends.
_NO_WORKER_S = 60.0
_LOOK_S = 5.0
# Libraries whose versions decide what is measured on a picture.
_PICTURE_LIBRARIES = ("pellucid", "numpy", "scipy", "opencv-python-headless", "numba", "pillow", "tifffile")


@contextmanager
def connected(address: str, kept: str) -> Iterator[Any]:
    """A `distributed.Client` of a scheduler.

    Parameters
    ----------
    address : str
        ``tcp://host:port``.
    kept : str
        What a run that ends in the midst keeps, such as "finished chunks".

    Raises
    ------
    UserError
        The extra is not installed, nothing answers, or the scheduler ends while it is used.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError("--scheduler needs the extra 'cluster': pip install \"pellucid[cluster]\"") from error
    try:
        with quiet("distributed"):
            client = Client(address, timeout=_SCHEDULER_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address}: start one with `dask scheduler`") from error
    with quiet("distributed"), client:
        try:
            yield client
        except (CancelledError, OSError) as error:
            raise UserError(f"the Dask scheduler at {address} is gone ({type(error).__name__}): start it again and run "
                            f"the same command; {kept} are kept") from error


def picture_versions(**rules: Any) -> dict[str, str]:
    """Versions of all that numbers measured on pictures depend on but the processor.

    Parameters
    ----------
    **rules
        Versions of our own, such as of the blocks of a preset.
    """
    found = {name: str(told) for name, told in rules.items()}
    for name in _PICTURE_LIBRARIES:
        # OpenCV may be there under the name of another of its packages.
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def check_same_versions(wanted: Mapping[str, str], here: Mapping[str, str]) -> None:
    """What a worker does first: refuse to work with other versions than those where the run was started.

    Raises
    ------
    UserError
    """
    other = next((name for name in sorted(wanted.keys() | here.keys()) if here.get(name) != wanted.get(name)), None)
    if other:
        raise UserError(f"a Dask worker has {other} {here.get(other, 'not at all')}, here it is "
                        f"{wanted.get(other, 'not installed')}: install the same versions on all machines")


def as_they_end(client: Any, futures: Iterable[Any], address: str, kept: str) -> Iterator[Any]:
    """The futures in the order in which they end; those of a worker that dies begin again on another one.

    Raises
    ------
    UserError
        There was no worker for `_NO_WORKER_S`.
    """
    from distributed import as_completed
    waiting, since = set(futures), time.monotonic()
    while waiting:
        try:
            for done in as_completed(list(waiting), timeout=_LOOK_S):
                waiting.discard(done)
                since = time.monotonic()
                yield done
        except TimeoutError:
            if client.scheduler_info()["workers"]:
                since = time.monotonic()
            elif time.monotonic() - since > _NO_WORKER_S:
                raise UserError(f"the Dask scheduler at {address} had no worker for {_NO_WORKER_S:.0f} s: start some "
                                f"with `dask worker {address}` and run the same command; {kept} are kept") from None
