"""Folds that are fitted on a Dask cluster: the models are bit for bit those of one machine.

Every fold is one task, which carries its data and comes back as bytes. The tasks of a worker that dies begin again on
another one; nothing is held on a worker alone.
"""
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from classify.fitting.fold_store import FitFold, FittedFold, FoldTask
from classify.runtime.kept_folds import pack_fold, unpack_fold
from classify.runtime.run_key import code_digest
from classify.runtime.versions import library_versions
from featurize.batch.cluster import as_they_end, check_same_versions, connected
from featurize.errors import UserError

_KEPT = "the models that are fitted"


@dataclass(frozen=True)
class OnCluster:
    """A `classify.fitting.fold_store.FoldRunner`.

    Parameters
    ----------
    address : str
        Of a Dask scheduler, ``tcp://host:port``.
    """

    address: str

    def __call__(self, fit: FitFold, tasks: Mapping[int, FoldTask]) -> Generator[tuple[int, FittedFold], None, None]:
        """Fit on the workers.

        Raises
        ------
        UserError
            No scheduler or no worker; a worker with other versions; a fold kills every worker that takes it.
        """
        if not tasks:
            return
        with connected(self.address, _KEPT) as client:
            from distributed import KilledWorker
            wanted = told_versions()
            numbers = {client.submit(_fitted, fit, task, wanted, pure=False): n for n, task in tasks.items()}
            for done in as_they_end(client, numbers, self.address, _KEPT):
                number = numbers.pop(done)
                try:
                    content = done.result()
                except KilledWorker as error:
                    raise UserError(f"fold {number + 1} killed every Dask worker that took it: give workers more "
                                    f"memory and run the same command; {_KEPT} are kept") from error
                settings = tasks[number].settings
                yield number, unpack_fold(content, settings.jobs, settings.device)


def check_scheduler(address: str) -> None:
    """Refuse a scheduler that does not answer, before any work is done.

    Raises
    ------
    UserError
    """
    with connected(address, _KEPT):
        pass


def told_versions() -> dict[str, str]:
    """Of all that the bits of a model depend on but the processor."""
    return {**library_versions(), "code of the fits": code_digest()}


def _fitted(fit: FitFold, task: FoldTask, wanted: dict[str, str]) -> bytes:
    """What a worker does."""
    check_same_versions(wanted, told_versions())
    # Not taken back: another fold may be under way in a thread of the same worker.
    threadpool_limits(1, user_api="blas")
    return pack_fold(fit(task))
