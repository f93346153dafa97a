"""DICOM ECG waveforms (PS3.3 A.34), by pydicom (extra dicom)."""
import io
from pathlib import Path
from typing import Any

import numpy as np

from ecg.signals.raw_record import RawRecord, RecordError, lead_of, mv_of_unit
from featurize.arrays import BoolArray
from featurize.errors import one_line
from featurize.images.picture import ImageError, decoding, quiet

# Storage classes of ECG begin so: 12-lead, general, ambulatory, general 32-bit.
_ECG_CLASSES = b"1.2.840.10008.5.1.4.1.1.9.1."
# The file's meta information, which names the class, ends within so many bytes.
_META_BYTES = 2048
# Codes of leads: MDC (IEEE 11073-10102, 2:1 is I), and SCP-ECG's (5.6.3-9-1 is I).
LEAD_OF_NUMBER = {1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 61: "III", 62: "aVR",
                  63: "aVL", 64: "aVF"}
_CODE_PREFIXES = ("2:", "5.6.3-9-")
# Kinds of samples, by their bits and interpretation (PS3.3 C.10.9.1.5).
_COUNTS = {(8, "SB"): "<i1", (8, "UB"): "<u1", (16, "SS"): "<i2", (16, "US"): "<u2", (32, "SL"): "<i4",
           (32, "UL"): "<u4"}


def is_dicom_record(path: Path) -> bool:
    """Whether a DICOM file holds an ECG's signals and not a picture."""
    try:
        with path.open("rb") as file:
            return _ECG_CLASSES in file.read(_META_BYTES)
    except OSError:
        return False


def read_dicom_record(content: bytes) -> RawRecord:
    """Leads of the longest group of channels.

    Raises
    ------
    RecordError
        No waveform, no lead, damaged, or the extra dicom is not installed.
    """
    try:
        import pydicom
    except ImportError as error:
        raise RecordError("a DICOM ECG, and pydicom is not installed: pip install 'pellucid[dicom]'",
                          "unsupported") from error
    try:
        with decoding("DICOM ECG"), quiet("pydicom"):
            found = pydicom.dcmread(io.BytesIO(content))
            groups = found.WaveformSequence
            place = max(range(len(groups)), key=lambda k: int(groups[k].NumberOfWaveformSamples))
            channels = groups[place].ChannelDefinitionSequence
            values = np.asarray(found.waveform_array(place), np.float64).T
            values[_missing(groups[place], len(channels))] = np.nan
            names = [_lead(channel) for channel in channels]
            units = [str(channel.ChannelSensitivityUnitsSequence[0].CodeValue)
                     if "ChannelSensitivityUnitsSequence" in channel else "mV" for channel in channels]
            rate = float(groups[place].SamplingFrequency)
    except ImageError as error:
        raise RecordError(f"not a whole DICOM ECG ({one_line(error)[:80] or 'damaged'})", "damaged") from error
    rows = [k for k, name in enumerate(names) if name]
    if not rows:
        raise RecordError("no channel of the DICOM ECG is called like a lead", "no_lead")
    scale = np.array([mv_of_unit(units[k]) for k in rows])
    return RawRecord(values[rows] * scale[:, None], tuple(str(names[k]) for k in rows), rate)


def _missing(group: Any, channels: int) -> BoolArray:
    """(channels, n) which samples have the count that says that nothing was recorded (WaveformPaddingValue)."""
    counts = np.frombuffer(group.WaveformData, _COUNTS[group.WaveformBitsAllocated, group.WaveformSampleInterpretation])
    counts = counts[:channels * int(group.NumberOfWaveformSamples)].reshape(-1, channels).T
    if "WaveformPaddingValue" not in group:
        return np.zeros(counts.shape, bool)
    return np.asarray(counts == np.frombuffer(group.WaveformPaddingValue[:counts.itemsize], counts.dtype)[0])


def _lead(channel: "object") -> str | None:
    """The lead of a channel, by its code or its words."""
    source = getattr(channel, "ChannelSourceSequence")[0]
    code = str(getattr(source, "CodeValue", ""))
    for prefix in _CODE_PREFIXES:
        number = code.removeprefix(prefix).split("-")[0]
        if code.startswith(prefix) and number.isdigit():
            return LEAD_OF_NUMBER.get(int(number))
    return lead_of(str(getattr(source, "CodeMeaning", "")))
