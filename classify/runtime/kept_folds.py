"""Fitted models on disk, so that a run that was stopped goes on at the fold it was in.

Beside the run folder `run` stands `run.folds/<key>/fold_<number>.fold` while the run lasts (of several findings:
`run.folds/<key>/<finding>/fold_<number>.fold`). The key is a digest of all that the models depend on, see
`classify.runtime.run_key`, so that models of another table or other settings are never mixed in: their folder has
another name and is removed. A file holds the SHA-256 of the rest of it, then arrays as an npz: xgboost may crash on
damaged trees. Nothing in it can run code.
"""
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path

import numpy as np

from classify.fitting import models
from classify.fitting.fold_store import FittedFold
from classify.fitting.models import ModelPart
from featurize.arrays import UInt8Array
from featurize.errors import Stopped
from featurize.runtime.files import naming_full_disk, replacing
from featurize.runtime.lock import held_folder

_KEY = re.compile(r"[0-9a-f]{16}")
_DIGEST_BYTES = hashlib.sha256().digest_size
# What is kept of a fold besides arrays: plain numbers, as JSON.
_PLAIN = tuple(field.name for field in fields(FittedFold) if field.name not in ("model", "curve"))


@dataclass(frozen=True)
class FoldFiles:
    """The kept models of one task or finding, as a `classify.fitting.fold_store.FoldStore`.

    Parameters
    ----------
    folder : Path
    run : Path
        The run folder, which an error names.
    device : str
        ``cpu`` or ``cuda``: where loaded models predict.
    jobs : int
        Threads of a loaded model.
    tell : callable
        Is given a line for the user.
    """

    folder: Path
    run: Path
    device: str
    jobs: int
    tell: Callable[[str], None]

    def load(self, name: str) -> FittedFold | None:
        """The model of an earlier run; None where there is none, or a damaged one."""
        path = self._path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.tell(f"{path} cannot be read ({error.strerror}): the model is fitted again")
            return None
        if hashlib.sha256(data[_DIGEST_BYTES:]).digest() != data[:_DIGEST_BYTES]:
            self.tell(f"{path} is damaged: the model is fitted again")
            return None
        return unpack_fold(data[_DIGEST_BYTES:], self.jobs, self.device)

    def save(self, name: str, fold: FittedFold) -> None:
        """Keep a model; not flushed to disk, for one that a power cut tears is fitted again."""
        content = pack_fold(fold)
        with naming_full_disk(self.run), replacing(self._path(name), durable=False) as part:
            part.write_bytes(hashlib.sha256(content).digest() + content)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.fold"


def unpack_fold(content: bytes, jobs: int, device: str) -> FittedFold:
    """The fold that `pack_fold` made this of.

    Parameters
    ----------
    content : bytes
    jobs : int
        Threads of the model.
    device : str
        ``cpu`` or ``cuda``: where it predicts.
    """
    with np.load(BytesIO(content), allow_pickle=False) as kept:
        start = kept["start"].tobytes() if "start" in kept.files else None
        model = models.from_bytes([ModelPart(kept["trees"].tobytes(), start)], str(kept["library"]),
                                  kept["features"].tolist(), int(kept["outputs"]), jobs, device)
        return FittedFold(model, kept["curve"], **json.loads(str(kept["plain"])))


def pack_fold(fold: FittedFold) -> bytes:
    """A fold as an npz of arrays."""
    part, = models.to_bytes(fold.model)
    start = {} if part.start is None else {"start": _as_array(part.start)}
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, trees=_as_array(part.trees), library=np.array(fold.model.library),
             features=np.array(fold.model.features, dtype=np.str_), outputs=np.array(fold.model.outputs),
             curve=fold.curve, plain=np.array(json.dumps({name: getattr(fold, name) for name in _PLAIN})), **start)
    return buffer.getvalue()


def _as_array(data: bytes) -> UInt8Array:
    return np.frombuffer(data, np.uint8)


@dataclass(frozen=True)
class KeptFolds:
    """The folder that holds the fitted models of one run.

    Parameters
    ----------
    run : Path
        The run folder.
    key : str
        16 hex digits, see `classify.runtime.run_key`.
    total : int
        Models of the whole run.
    tell : callable
        Is given a line for the user.
    """

    run: Path
    key: str
    total: int
    tell: Callable[[str], None]

    @property
    def folder(self) -> Path:
        """`<run>.folds`, beside the run folder."""
        run = self.run if self.run.name not in ("", "..") else Path(os.path.abspath(self.run))
        return run.with_name(f"{run.name}.folds")

    def of(self, part: str, device: str, jobs: int) -> FoldFiles:
        """The models of one part of the run: a finding, or "" where there is one task only."""
        return FoldFiles(self.folder / self.key / part, self.run, device, jobs, self.tell)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Models are kept within the block and removed at its end; where it raises they stay.

        Raises
        ------
        UserError
            Another run to the same place is under way, or nothing can be written there.
        Stopped
            Ctrl-C; the message says what is kept.
        """
        taken = (f"another run that writes {self.run} is under way (its models are kept in {self.folder}): wait for "
                 "it, or choose another name with -o")
        with held_folder(self.folder, taken):
            try:
                self._begin()
                yield
                shutil.rmtree(self.folder / self.key, ignore_errors=True)
            except KeyboardInterrupt as stop:
                if self._count():
                    raise Stopped(f"stopped: {self._count()} of {self.total} models are fitted and kept in "
                                  f"{self.folder}; the same command again fits the rest ({self.run} is as it "
                                  "was)") from stop
                raise
            finally:
                self._remove_if_empty()

    def _begin(self) -> None:
        """Remove the models of other runs. Only folders that have a key for a name are touched."""
        others = [other for other in self.folder.iterdir() if _KEY.fullmatch(other.name) and other.name != self.key
                  and other.is_dir() and not other.is_symlink()]
        for other in others:
            shutil.rmtree(other)
        if self._count():
            self.tell(f"{self._count()} of {self.total} models were fitted by an earlier run that was stopped: they "
                      f"are taken from {self.folder}")
        elif others:
            self.tell(f"the models that a stopped run left in {self.folder} are of another table, other settings or "
                      "other versions: they are removed, and everything is fitted anew")

    def _count(self) -> int:
        return sum(1 for _ in (self.folder / self.key).rglob("*.fold"))

    def _remove_if_empty(self) -> None:
        if not self._count():
            shutil.rmtree(self.folder / self.key, ignore_errors=True)
        try:
            self.folder.rmdir()
        except OSError:
            # It holds kept models, or files of somebody else.
            pass
