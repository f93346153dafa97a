"""Records in XML: HL7's annotated ECG (aECG, ANSI/HL7 V3 ECG R1) GE MUSE's RestingECG, Philips' restingecgdata."""
import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ecg.signals.philips import read_philips
from ecg.signals.raw_record import RawRecord, RecordError, lead_of, mv_of_unit, with_derived_leads
from featurize.arrays import Float64Array

# Bytes of a file that are searched for its root element: the headers of all kinds are shorter.
_BEGINNING = 4096
# Roots of the files that are read.
_ROOTS = (b"AnnotatedECG", b"RestingECG", b"restingecgdata")
# Seconds of the units of an increment.
_SECONDS_OF_UNIT = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def is_xml_record(path: Path) -> bool:
    """Whether a file begins as one of the three kinds: other XML in a folder is no record."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError:
        return False
    return any(root in _plain(beginning) for root in _ROOTS)


def _plain(content: bytes) -> bytes:
    """The content without the zeros of UTF-16, for a search."""
    return content.replace(b"\0", b"")


def read_xml(content: bytes) -> RawRecord:
    """Leads of an aECG, a MUSE or a Philips file.

    Raises
    ------
    RecordError
        It is none of them, or lacks what is needed.
    """
    if b"<!ENTITY" in _plain(content):
        raise RecordError("the XML defines entities, which no ECG needs: it is not read", "not_a_record")
    try:
        root = ElementTree.fromstring(content)
        kind = _local(root)
        if kind == "AnnotatedECG":
            return _of_aecg(root)
        if kind == "RestingECG":
            return _of_muse(root)
        if kind == "restingecgdata":
            return read_philips(content, root)
    except (ElementTree.ParseError, binascii.Error, ValueError, LookupError, ArithmeticError) as error:
        raise RecordError(f"the XML cannot be read ({str(error)[:80]}): a whole aECG, MUSE or Philips file was wanted",
                          "damaged") from error
    raise RecordError(f"an XML of {kind} came: aECG (AnnotatedECG), GE MUSE (RestingECG) or Philips "
                      "(restingecgdata) was wanted", "not_a_record")


def _local(element: ElementTree.Element) -> str:
    """Name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _inside(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (inner for inner in element.iter() if _local(inner) == name)


def _first(element: ElementTree.Element, name: str) -> ElementTree.Element:
    for inner in _inside(element, name):
        return inner
    raise ValueError(f"no {name}")


def _of_aecg(root: ElementTree.Element) -> RawRecord:
    """The longest set of sequences: the rhythm, not the representative beat."""
    best: RawRecord | None = None
    for group in _inside(root, "sequenceSet"):
        fs_hz, rows = 0.0, list[tuple[str, Float64Array]]()
        for sequence in _inside(group, "sequence"):
            code, value = _first(sequence, "code").get("code", ""), _first(sequence, "value")
            if code.startswith("TIME_"):
                step = _first(value, "increment")
                fs_hz = 1 / (float(step.get("value", "0")) * _SECONDS_OF_UNIT[step.get("unit", "s")])
            elif lead := lead_of(code):
                rows.append((lead, _aecg_mv(value)))
        if rows and fs_hz and (best is None or len(rows[0][1]) > best.mv.shape[1]):
            if len({len(mv) for _, mv in rows}) > 1:
                raise ValueError("leads of different lengths")
            best = RawRecord(np.array([mv for _, mv in rows]), tuple(lead for lead, _ in rows), fs_hz)
    if best is None:
        raise RecordError("no lead with times is in the aECG", "no_lead")
    return best


def _aecg_mv(value: ElementTree.Element) -> Float64Array:
    digits = np.array((_first(value, "digits").text or "").split(), np.float64)
    scale, origin = _first(value, "scale"), _first(value, "origin")
    return np.asarray(float(scale.get("value", "1")) * mv_of_unit(scale.get("unit", "uV")) * digits
                      + float(origin.get("value", "0")) * mv_of_unit(origin.get("unit", "uV")))


def _of_muse(root: ElementTree.Element) -> RawRecord:
    for waveform in _inside(root, "Waveform"):
        if (_first(waveform, "WaveformType").text or "").strip().lower() == "rhythm":
            break
    else:
        raise RecordError("the MUSE file has no waveform of type Rhythm", "no_lead")
    rate = float(_first(waveform, "SampleBase").text or "") * 10.0 ** -_number(waveform, "SampleExponent", 0.0)
    rows: dict[str, Float64Array] = {}
    for data in _inside(waveform, "LeadData"):
        lead = lead_of(_first(data, "LeadID").text or "")
        if lead is None:
            continue
        if lead in rows:
            raise RecordError(f"the lead {lead} stands there twice: one was wanted", "no_lead")
        unit = (_first(data, "LeadAmplitudeUnits").text or "MICROVOLTS").strip().upper()
        counts = np.frombuffer(base64.b64decode(_first(data, "WaveFormData").text or ""), "<i2")
        per_count = float(_first(data, "LeadAmplitudeUnitsPerBit").text or "")
        rows[lead] = counts * per_count * (1.0 if unit == "MILLIVOLTS" else 1e-3)
    if not rows:
        raise RecordError("no lead is in the MUSE file", "no_lead")
    if len({len(mv) for mv in rows.values()}) > 1:
        raise ValueError("leads of different lengths")
    rows = with_derived_leads(rows)
    return RawRecord(np.array(list(rows.values())), tuple(rows), rate)


def _number(element: ElementTree.Element, name: str, default: float) -> float:
    for inner in _inside(element, name):
        return float(inner.text or default)
    return default
