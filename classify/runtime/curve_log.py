"""Learning curves as a CSV that grows while a run lasts."""
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from classify.fitting.fold_store import FittedFold
from featurize.errors import UserError
from featurize.runtime.files import replacing
from featurize.runtime.outputs import check_output, check_replaceable_file

COLUMNS = ("fold", "round", "train_loss", "valid_loss", "seconds")
# A further column where there are several findings.
FINDING = "finding"
OPTION = "--log"


@dataclass(frozen=True)
class CurveLog:
    """The rows of all folds that are fitted, in the order in which they were.

    Parameters
    ----------
    path : Path
    columns : tuple of str
    lines : list of str
        The content of the file: the header, then the rows of a fold each.
    """

    path: Path
    columns: tuple[str, ...]
    lines: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Write the header, in the place of the log of an earlier run."""
        self.lines[:] = [",".join(self.columns) + "\n"]
        self._write()

    def add(self, finding: str, number: int, fold: FittedFold) -> None:
        """Write the rows of a fold."""
        rows = pd.DataFrame(fold.curve, columns=["train_loss", "valid_loss", "seconds"]).rename_axis("round")
        table = rows.reset_index().assign(fold=number, finding=finding)
        self.lines.append(table[list(self.columns)].to_csv(index=False, header=False, float_format="%.6g",
                                                           lineterminator="\n"))
        self._write()

    def _write(self) -> None:
        # The whole file each time: whoever reads it finds whole rows.
        with replacing(self.path, durable=False, option=OPTION) as part:
            part.write_text("".join(self.lines), encoding="utf-8", newline="")


def check_log(path: Path, out: Path, inputs: Iterable[Path | None]) -> None:
    """Refuse a name of another kind, an input, a file that is no log, or a place inside the run folder.

    Raises
    ------
    UserError
    """
    check_output(path, (".csv",), inputs, option=OPTION)
    check_outside(path, out, OPTION)
    check_replaceable_file(path, _is_log, OPTION)


def check_outside(path: Path, out: Path, option: str) -> None:
    """Refuse a place inside the run folder, which appears as a whole when the run is done.

    Raises
    ------
    UserError
    """
    if path.resolve().is_relative_to(out.resolve()):
        raise UserError(f"{option} {path} lies in the run folder {out}, which is written when the run is done: choose "
                        f"a place outside, such as {option} {out.name or 'run'}_{path.name}")


def _is_log(path: Path) -> bool:
    """Whether a file is a log of this program."""
    with path.open("rb") as file:
        first = file.readline().decode("utf-8", "replace").strip().split(",")
    return tuple(first) in (COLUMNS, (*COLUMNS, FINDING))
