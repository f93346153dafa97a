"""A record as a DICOM ECG waveform (PS3.3 A.34.3 and A.34.4), by pydicom (extra dicom)."""
import io

import numpy as np

from ecg.signals.dicom_record import LEAD_OF_NUMBER
from featurize.arrays import Float64Array

# The class of 12-lead ECGs, and its limits: PS3.3 A.34.3.4. What exceeds them is a general ECG.
_TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
_GENERAL = "1.2.840.10008.5.1.4.1.1.9.1.2"
_MOST_SAMPLES = 16_384
_RATES_HZ = (200, 1000)
# Counts: 16 bits with sign; the lowest says that a sample is missing.
_LARGEST_COUNT = 32767
_MISSING = -32768
# Units of a count, µV: the finest that holds the largest value of a lead. `<stem>.csv` has 0.1 µV.
_STEPS_UV = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_UV_PER_MV = 1000.0
# When the record was made is not known, and DICOM wants a time.
_UNKNOWN_DATE = "19000101"
_UNKNOWN_TIME = "000000"


def dicom_ecg(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, name: str) -> bytes:
    """The bytes of a DICOM file; missing samples have the count of WaveformPaddingValue.

    The patient is not known and stays empty. The same signals give the same file.

    Parameters
    ----------
    mv : (leads, n) float64
    leads : tuple of str
    fs_hz : float
    name : str
        Path of the record in the run: description of the series.
    """
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid
    content, meta = Dataset(), FileMetaDataset()
    fits = mv.shape[1] <= _MOST_SAMPLES and _RATES_HZ[0] <= fs_hz <= _RATES_HZ[1]
    content.SOPClassUID = _TWELVE_LEAD if fits else _GENERAL
    sources = [name, repr(leads), repr(fs_hz), mv.tobytes().hex()]
    content.SOPInstanceUID, content.SeriesInstanceUID, content.StudyInstanceUID = (
        generate_uid(entropy_srcs=[kind, *sources]) for kind in ("instance", "series", "study"))
    content.Modality, content.SeriesNumber, content.InstanceNumber = "ECG", 1, 1
    content.SpecificCharacterSet, content.SeriesDescription = "ISO_IR 192", name[-64:]
    content.Manufacturer = "pellucid ecg"
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
                    "AccessionNumber", "ReferringPhysicianName"):
        setattr(content, keyword, "")
    content.ContentDate, content.ContentTime = _UNKNOWN_DATE, _UNKNOWN_TIME
    content.AcquisitionDateTime = _UNKNOWN_DATE + _UNKNOWN_TIME
    content.AcquisitionContextSequence = []
    content.WaveformSequence = [_group(mv, leads, fs_hz)]
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = content.SOPClassUID, content.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content.file_meta = meta
    written = io.BytesIO()
    pydicom.dcmwrite(written, content, enforce_file_format=True)
    return written.getvalue()


def _group(mv: Float64Array, leads: tuple[str, ...], fs_hz: float) -> "object":
    from pydicom.dataset import Dataset
    from pydicom.valuerep import DSfloat
    group, steps = Dataset(), [_step_uv(row) for row in mv]
    group.WaveformOriginality, group.NumberOfWaveformChannels = "DERIVED", len(leads)
    group.NumberOfWaveformSamples = mv.shape[1]
    group.SamplingFrequency = DSfloat(fs_hz, auto_format=True)
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.ChannelDefinitionSequence = [_channel(lead, step) for lead, step in zip(leads, steps)]
    group.add_new("WaveformPaddingValue", "OW", np.array(_MISSING, "<i2").tobytes())
    counts = np.rint(mv * _UV_PER_MV / np.array(steps)[:, None])
    group.add_new("WaveformData", "OW", np.where(np.isnan(counts), _MISSING, counts).T.astype("<i2").tobytes())
    return group


def _step_uv(row: Float64Array) -> float:
    """The finest unit that holds all values of a lead."""
    largest = float(np.nanmax(np.abs(row), initial=0.0)) * _UV_PER_MV
    return next((step for step in _STEPS_UV if largest / step <= _LARGEST_COUNT), _STEPS_UV[-1])


def _channel(lead: str, step_uv: float) -> "object":
    from pydicom.dataset import Dataset
    number = next(number for number, name in LEAD_OF_NUMBER.items() if name == lead)
    channel = Dataset()
    channel.ChannelLabel = lead
    # Codes of leads: DICOM's context group 3001.
    channel.ChannelSourceSequence = [_code(f"2:{number}", "MDC", f"Lead {lead}")]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = step_uv, 1
    channel.ChannelSensitivityUnitsSequence = [_code("uV", "UCUM", "microvolt")]
    channel.ChannelBaseline, channel.ChannelSampleSkew, channel.WaveformBitsStored = 0, 0, 16
    return channel


def _code(value: str, scheme: str, meaning: str) -> "object":
    from pydicom.dataset import Dataset
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
