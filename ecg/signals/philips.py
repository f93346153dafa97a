"""Philips' XML (PageWriter and others; SierraECG or PhilipsECG 1.03 to 1.04.02), by sierraecg (extra philips)."""
import io
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ecg.signals.raw_record import RawRecord, RecordError, lead_of
from featurize.errors import one_line

# The limb leads of the compressed form are residuals from I and II, and the library takes them in this order.
_LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
_COMPRESSION = "XLI"
_MS_PER_S = 1000
_MV_PER_UV = 1e-3
# Elements that hold the µV of a count: in versions 1.04 and 1.03.
_RESOLUTIONS = ("resolution", "signalresolution")


def read_philips(content: bytes, root: ElementTree.Element) -> RawRecord:
    """Leads of a Philips file.

    Parameters
    ----------
    content : bytes
    root : Element
        The same, parsed.

    Raises
    ------
    RecordError
        Not the compressed form, other leads, another version, or the extra philips is not installed.
    ValueError, LookupError, ArithmeticError
        Damaged.
    """
    waveforms = root.find(".//{*}parsedwaveforms")
    if waveforms is None:
        raise RecordError("the Philips XML has no parsedwaveforms", "no_lead")
    # The library cannot read what is not compressed.
    kind = waveforms.get("compressmethod", waveforms.get("compression", "Uncompressed"))
    if kind != _COMPRESSION:
        raise RecordError(f"the Philips XML holds waveforms of the form {kind[:40]}, {_COMPRESSION} was wanted",
                          "unsupported")
    try:
        import sierraecg
        from sierraecg.lib import MissingXmlAttributeError, MissingXmlElementError, UnsupportedXmlFileError
    except ImportError as error:
        raise RecordError("a Philips XML, and sierraecg is not installed: pip install 'pellucid[philips]'",
                          "unsupported") from error
    # The library's signature says a path, and its parser takes files as well.
    file: Any = io.BytesIO(content)
    try:
        with np.errstate(over="raise"):
            found = sierraecg.read_file(file)
    except UnsupportedXmlFileError as error:
        raise RecordError(f"a Philips XML that sierraecg does not read ({one_line(error)[:80]})",
                          "unsupported") from error
    except (MissingXmlElementError, MissingXmlAttributeError) as error:
        raise RecordError(f"the Philips XML lacks {one_line(error)[:80]}", "damaged") from error
    names = [lead_of(lead.label) for lead in found.leads]
    if tuple(names[:len(_LIMB)]) != _LIMB:
        raise RecordError(f"the Philips XML begins with the leads {', '.join(lead.label for lead in found.leads[:6])}: "
                          f"{', '.join(_LIMB)} were wanted", "unsupported")
    rate = float(found.leads[0].sampling_freq)
    samples = round(found.leads[0].duration * rate / _MS_PER_S)
    rows = [(name, lead.samples[:samples]) for name, lead in zip(names, found.leads) if name]
    if len({len(counts) for _, counts in rows}) > 1:
        raise ValueError("leads of different lengths")
    mv = np.array([counts for _, counts in rows], np.float64) * _uv_per_count(root) * _MV_PER_UV
    return RawRecord(mv, tuple(name for name, _ in rows), rate)


def _uv_per_count(root: ElementTree.Element) -> float:
    for name in _RESOLUTIONS:
        found = root.find(f".//{{*}}signalcharacteristics/{{*}}{name}")
        if found is not None:
            return float(found.text or "")
    raise ValueError("no resolution of its samples")
