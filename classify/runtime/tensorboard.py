"""Learning curves as event files of TensorBoard, written without TensorFlow."""
import importlib.util
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classify.fitting.fold_store import FittedFold
from classify.runtime.curve_log import check_outside
from featurize.arrays import Float64Array
from featurize.errors import UserError
from featurize.runtime.files import replacing

LIBRARY = "tensorboardX"
OPTION = "--tensorboard"
# TensorBoard reads the files whose names hold "tfevents". The same command again replaces its own.
FILE = "events.out.tfevents.pellucid"
# First record of every event file.
FILE_VERSION = "brain.Event:2"


@dataclass(frozen=True)
class EventFolder:
    """A folder for TensorBoard: `<run>/fold_0`, or `<run>/<finding>/fold_0`, is a curve of its own there.

    Parameters
    ----------
    folder : Path
    run : str
        Name of the run folder: several runs may write into one folder and are compared there.
    """

    folder: Path
    run: str

    def add(self, part: str, number: int, fold: FittedFold) -> None:
        """Write train and validation loss of every round of a fold; `part` is the folder of a finding, or ""."""
        self.add_curve(part, number, fold.curve)

    def add_curve(self, part: str, number: int, curve: Float64Array) -> None:
        """The same of the (r, 3) losses and seconds of any learner."""
        from tensorboardX import RecordWriter
        place = self.folder / self.run / part / f"fold_{number}" / FILE
        with replacing(place, durable=False, option=OPTION) as file:
            writer = RecordWriter(str(file))
            for event in _events(curve):
                writer.write(event.SerializeToString())
            writer.close()


def _events(curve: Float64Array) -> Iterator[Any]:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    # When the first round began, seconds since 1970; of a fold of an earlier run as if it had ended now.
    start_s = time.time() - (curve[-1, 2] if len(curve) else 0.0)
    yield Event(wall_time=start_s, file_version=FILE_VERSION)
    for number, (train_loss, valid_loss, seconds) in enumerate(curve.tolist()):
        for tag, loss in (("loss/train", train_loss), ("loss/valid", valid_loss)):
            if np.isfinite(loss):
                yield Event(wall_time=start_s + seconds, step=number,
                            summary=Summary(value=[Summary.Value(tag=tag, simple_value=loss)]))


def check_event_folder(folder: Path, out: Path) -> None:
    """Refuse a file, a place inside the run folder, and a machine without the library.

    Raises
    ------
    UserError
    """
    if importlib.util.find_spec(LIBRARY) is None:
        raise UserError(f"{OPTION} needs {LIBRARY}, which is not installed: pip install 'pellucid[tensorboard]', or "
                        "use --log curves.csv")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{OPTION} {folder} is a file, a folder was wanted: choose another name")
    check_outside(folder, out, OPTION)
