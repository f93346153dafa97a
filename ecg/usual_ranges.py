"""What is usual in adults at rest: a range a line, with its unit and where it comes from.

Where a recommendation calls the bound itself abnormal ("390 ms or less is short"), the range is open: the bound is not
usual. Sex and age are not known here, so that the stricter bound of two stands.
"""
from dataclasses import dataclass

# AHA/ACCF/HRS recommendations for the standardization and interpretation of the electrocardiogram, parts III to V.
SURAWICZ = "Surawicz et al. 2009, 10.1161/CIRCULATIONAHA.108.191095"
RAUTAHARJU = "Rautaharju et al. 2009, 10.1161/CIRCULATIONAHA.108.191096"
HANCOCK = "Hancock et al. 2009, 10.1016/j.jacc.2008.12.015"
# ESC guidelines on ventricular arrhythmias: short QT is considered at 360 ms or less.
PRIORI = "Priori et al. 2015, 10.1093/eurheartj/ehv316"
# ACC/AHA/HRS guideline on bradycardia and cardiac conduction delay.
KUSUMOTO = "Kusumoto et al. 2018, 10.1016/j.jacc.2018.10.044"
# Says that the limits are a convention of textbooks and guidelines.
LIU = "convention: Liu et al. 2012, J Insur Med 43:102"


@dataclass(frozen=True)
class UsualRange:
    """Both ends of what is usual, in the unit of the measurement; None without such an end.

    Parameters
    ----------
    low, high : float or None
    source : str
        Empty where the range was chosen.
    open : bool
        The ends themselves are unusual.
    """

    low: float | None = None
    high: float | None = None
    source: str = ""
    open: bool = False

    def side(self, value: float) -> str:
        """`below` or `above` what is usual; empty within.

        >>> QTC_MS.side(360), QTC_MS.side(449.9), PR_MS.side(200), PR_MS.side(201)
        ('below', '', '', 'above')
        """
        if self.low is not None and (value < self.low or self.open and value == self.low):
            return "below"
        return "above" if self.high is not None and (value > self.high or self.open and value == self.high) else ""

    def beyond(self, side: str, unit: str) -> str:
        """The end that a value is beyond, in words: `above 200 ms`, `360 ms or less`; empty as `side` is."""
        end = self.low if side == "below" else self.high
        if not side or end is None:
            return ""
        if not self.open:
            return f"{side} {_with_unit(end, unit)}"
        return f"{_with_unit(end, unit)} or {'less' if side == 'below' else 'more'}"

    def words(self, unit: str) -> str:
        """What is usual, in words; empty without a range."""
        if self.low is None:
            return "" if self.high is None else f"{'below' if self.open else 'up to'} {_with_unit(self.high, unit)}"
        if self.high is None:
            return f"{'above' if self.open else 'from'} {_with_unit(self.low, unit)}"
        join = ("above ", " and below ") if self.open else ("", " to ")
        return f"{join[0]}{bound(self.low)}{join[1]}{_with_unit(self.high, unit)}"


def bound(value: float) -> str:
    """A number with a true minus sign."""
    return f"{value:g}".replace("-", "−")


def _with_unit(value: float, unit: str) -> str:
    return bound(value) + (unit if unit == "°" else f" {unit}")


# Beats a minute.
RATE_PER_MIN = UsualRange(60, 100, LIU)
# Standard deviation of RR, ms. Chosen.
RR_SD_MS = UsualRange(None, 120)
# Per cent of the beats. Chosen: sinus rhythm has a P wave before every beat, but that of the first beat may lie before
# the start of the record: one of seven beats in 10 s at 42 a minute.
P_SHARE_PERCENT = UsualRange(85, 100)
# ms; 120 and more: left atrial abnormality. A quarter of the general population reaches 120 ms (3,459 adults,
# PMC7678386: quartiles 102, 112, 120 ms), and a quarter of LUDB, by its cardiologists' marks in lead II as by ours.
# Ours differ from theirs by 1.7 ms in the mean, with a standard deviation of 13 ms: of the 12 records of 130 ms and
# more, theirs were 120 ms or more in 11.
P_DURATION_MS = UsualRange(None, 130, f"{HANCOCK} (120 ms), and 10 ms for the error of one measurement", open=True)
# ms; below 120: preexcitation (Surawicz), above 200: first-degree atrioventricular block (Kusumoto).
PR_MS = UsualRange(120, 200, f"{SURAWICZ}; {KUSUMOTO}")
# ms, above 16 years; the recommendations have no lower bound.
QRS_MS = UsualRange(None, 110, SURAWICZ)
# ms; 360 and less is short (Priori), 450 and more prolonged in men, 460 and more in women (Rautaharju). Rautaharju's
# 390 for short would mark a third of the men of LUDB, by its cardiologists' marks as by ours.
QTC_MS = UsualRange(360, 450, f"{PRIORI}; {RAUTAHARJU}", open=True)
# Degrees in the frontal plane.
AXIS_DEG = UsualRange(-30, 90, SURAWICZ)
# Microvolts above 40 Hz. Chosen.
NOISE_UV = UsualRange(None, 30)
# Without a range.
NONE = UsualRange()
