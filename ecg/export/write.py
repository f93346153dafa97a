"""The signals of finished files written again for other programs, into a folder a format: `out/to_wfdb/` and so on."""
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ecg.export import FORMATS
from ecg.export.dicom import dicom_ecg
from ecg.export.fhir import observation
from ecg.lead_table import LEADS
from ecg.result import FinishedFile
from featurize.arrays import Float64Array
from featurize.errors import UserError
from featurize.runtime.files import replacing, write_text
from featurize.runtime.leftovers import is_filled, remove_leftovers_below, temporary_folder

# Says that a folder of a format is ours.
_MARK = ".pellucid-ecg-export"
# Library that a format needs, and the extra that installs it.
_NEEDS = {"wfdb": ("wfdb", "wfdb"), "edf": ("edfio", "edf"), "dicom": ("pydicom", "dicom")}
# Counts of a millivolt in WFDB files: 0.1 µV is what `<stem>.csv` has.
_COUNTS_PER_MV = 10_000
# Bits of WFDB samples, in the format that holds all values.
_WFDB_FORMAT = "32"
# Digits that EDF keeps of the largest value, mV.
_EDF_DIGITS = 3
_EDF_RANGE = (-32768, 32767)


def check_formats(asked: Sequence[str], out: Path) -> None:
    """Refuse unknown formats, missing libraries, and folders that a user filled.

    Raises
    ------
    UserError
    """
    for name in asked:
        if name not in FORMATS:
            raise UserError(f"--to {name} was given, one or several of {','.join(FORMATS)} were wanted")
        library, extra = _NEEDS.get(name, ("", ""))
        if library and not _installed(library):
            raise UserError(f"--to {name} needs {library}, which is not installed: pip install 'pellucid[{extra}]'")
        folder = folder_of(out, name)
        if is_filled(folder, _MARK) and not (folder / _MARK).is_file():
            raise UserError(f"{folder} holds files that `ecg` did not write: move them, or give another folder with -o")


def _installed(library: str) -> bool:
    from importlib.util import find_spec
    return find_spec(library) is not None


def folder_of(out: Path, name: str) -> Path:
    """Where a format is written."""
    return out / f"to_{name}"


def export(finished: Sequence[FinishedFile], out: Path, asked: Sequence[str]) -> None:
    """Write every finished file in the formats that were asked for, from `<stem>.csv`."""
    writers: dict[str, Callable[[Float64Array, tuple[str, ...], float, str, Path], None]] = {
        "wfdb": _wfdb, "edf": _edf, "npz": _npz, "fhir": _fhir, "dicom": _dicom}
    for name in asked:
        if name not in writers:
            continue
        folder = folder_of(out, name)
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers_below(folder)
        write_text("written by pellucid ecg --to\n", folder / _MARK)
        for file in finished:
            table = pd.read_csv(out / f"{file.stem}.csv", dtype=float)
            leads = tuple(lead for lead in LEADS if table[lead].notna().any())
            place = folder / file.stem
            place.parent.mkdir(parents=True, exist_ok=True)
            writers[name](table[list(leads)].to_numpy(np.float64).T, leads, file.facts.fs_hz, file.path, place)


def _npz(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, name: str, place: Path) -> None:
    with replacing(place.with_name(place.name + ".npz")) as part, part.open("wb") as file:
        np.savez_compressed(file, mv=mv, leads=np.array(leads), fs_hz=fs_hz, path=name)


def _fhir(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, name: str, place: Path) -> None:
    write_text(observation(mv, leads, fs_hz, name), place.with_name(place.name + ".fhir.json"))


def _dicom(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, name: str, place: Path) -> None:
    with replacing(place.with_name(place.name + ".dcm")) as part:
        part.write_bytes(dicom_ecg(mv, leads, fs_hz, name))


def _wfdb(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, name: str, place: Path) -> None:
    """A header and its signals; a record's name has letters, digits, - and _ only."""
    own = record_name(place.name)
    with temporary_folder(place) as folder:
        _write_wfdb(mv, leads, fs_hz, name, own, str(folder))
        # The header last: it says that the signals are whole.
        for suffix in (".dat", ".hea"):
            os.replace(folder / (own + suffix), place.parent / (own + suffix))


def _write_wfdb(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, name: str, own: str, folder: str) -> None:
    import wfdb
    wfdb.wrsamp(own, fs=fs_hz, units=["mV"] * len(leads), sig_name=list(leads), p_signal=mv.T,
                fmt=[_WFDB_FORMAT] * len(leads), adc_gain=[_COUNTS_PER_MV] * len(leads), baseline=[0] * len(leads),
                comments=[f"pellucid ecg: {name}"], write_dir=folder)


def record_name(stem: str) -> str:
    """The name of a WFDB record: the stem, with a hash of it where characters had to be replaced.

    >>> record_name("page-1"), record_name("page 1")
    ('page-1', 'page_1_0621a1c1')
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", stem)
    return plain if plain == stem else f"{plain}_{hashlib.sha256(stem.encode()).hexdigest()[:8]}"


def _edf(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, name: str, place: Path) -> None:
    """EDF has no missing samples: they are 0, as a note in the header says."""
    import edfio
    signals = []
    for lead, row in zip(leads, np.nan_to_num(mv)):
        most = float(f"{1.001 * max(np.abs(row).max(), 0.1):.{_EDF_DIGITS}f}") + 10.0 ** -_EDF_DIGITS
        signals.append(edfio.EdfSignal(row, sampling_frequency=fs_hz, label=f"ECG {lead}", physical_dimension="mV",
                                       physical_range=(-most, most), digital_range=_EDF_RANGE,
                                       prefiltering="missing samples are 0" if np.isnan(mv).any() else ""))
    with replacing(place.with_name(place.name + ".edf")) as part:
        edfio.Edf(signals, data_record_duration=1 if mv.shape[1] % fs_hz == 0 and fs_hz == int(fs_hz) else None
                  ).write(part)
