"""Names of leads, paper speed and gain among the words of a PDF."""
import re
from collections.abc import Sequence

from ecg.text.lead_names import Word
from ecg.text.speed_and_gain import Printed
from ecg.lead_table import LEADS
from ecg.vectors.drawing import PdfWord

# Leads by their names in small letters; minus signs are of two kinds.
_LEAD_OF = {lead.lower(): lead for lead in LEADS} | {"-avr": "-aVR", "−avr": "-aVR"}
# What may stand behind a name.
_BEHIND_NAME = ":.,"
_NUMBER = r"(?<![\d.,/])(\d{1,2}(?:[.,]\d)?)"
_SPEED = re.compile(_NUMBER + r"\s*mm\s*/\s*s", re.IGNORECASE)
# Leads, then their gain, or gains of limb and chest leads before one unit.
_GAIN = re.compile(r"(?:\b(limb|chest)\b[^\d]{0,12})?" + _NUMBER + r"(?:/(\d{1,2}(?:[.,]\d)?))?\s*mm\s*/\s*mv",
                   re.IGNORECASE)


def lead_names(words: Sequence[PdfWord]) -> list[Word]:
    """The names of leads, in the form in which they are read from pictures."""
    out = []
    for word in words:
        lead = _LEAD_OF.get(word.text.strip().rstrip(_BEHIND_NAME).lower())
        if lead:
            left, top, right, bottom = word.box
            out.append(Word(lead, left, top, right - left, bottom - top, 1.0))
    return sorted(out, key=lambda w: (w.y, w.x))


def speeds_and_gains(text: str) -> list[Printed]:
    """Speeds and gains of a text.

    >>> [(p.kind, p.value, p.leads) for p in speeds_and_gains("25mm/s Limb: 10 mm/mV Chest: 5 mm/mV")]
    [('speed', 25.0, ''), ('gain', 10.0, 'limb'), ('gain', 5.0, 'chest')]
    >>> [(p.value, p.leads) for p in speeds_and_gains("10/5 mm/mV")]
    [(10.0, 'limb'), (5.0, 'chest')]
    """
    out = [Printed("speed", _value(found[1]), "", 1.0) for found in _SPEED.finditer(text)]
    for found in _GAIN.finditer(text):
        if found[3]:
            out += [Printed("gain", _value(found[2]), "limb", 1.0), Printed("gain", _value(found[3]), "chest", 1.0)]
        else:
            out.append(Printed("gain", _value(found[2]), (found[1] or "").lower(), 1.0))
    return out


def _value(number: str) -> float:
    return float(number.replace(",", "."))
