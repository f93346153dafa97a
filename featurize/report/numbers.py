"""Numbers as text: three significant digits, one form for each kind of number on every page.

>>> score(0.9531), number(1234.5), interval(0.953, 0.941, 0.964)
('.953', '1,234', '.953 (.941–.964)')
"""
import math

MISSING = "–"
# Measurements from here on are written as a power of ten.
HUGE = 1e5


def score(value: float | None) -> str:
    """A number that seldom passes one in size (accuracy, AUROC, log-loss), without its leading zero.

    Values that would round to 1 but are not 1 keep a fourth digit: .9996 is not 1.00 to a reader who counts errors.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    size = abs(value)
    if size == 0 or size > 1:
        return number(value)
    digits = 4 if 0 < size < 0.0995 or 0.9995 <= size < 1 else 3
    text = f"{size:.{digits}f}"
    if text.startswith("1"):
        text = "1.00" if size >= 1 else "> .9999"
    elif not text.strip("0."):
        text = "< .0001"
    return ("−" if value < 0 else "") + text.removeprefix("0")


def number(value: float | None) -> str:
    """A measurement or a count: three significant digits, thousands kept apart, never 1.2e+03."""
    if value is None or not math.isfinite(value):
        return MISSING
    size, sign = abs(value), "−" if value < 0 else ""
    if size == 0 or float(size).is_integer() and size < 1e15 or size >= 999.5:
        return f"{sign}{size:,.0f}"
    if size < 1e-4:
        mantissa, exponent = f"{size:.2e}".split("e")
        return f"{sign}{mantissa}·10{_superscript(int(exponent))}"
    digits = 2 - math.floor(math.log10(float(f"{size:.3g}")))
    return f"{sign}{size:.{digits}f}"


def measurement(value: float | None, unit: str = "") -> str:
    """A measured value with its unit; a huge one by its power of ten: a reader counts no digits.

    >>> measurement(11.234, "µm"), measurement(123456789.0), measurement(38, "°")
    ('11.2\\xa0µm', '1.23·10⁸', '38°')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    text = number(value)
    if abs(value) >= HUGE:
        mantissa, exponent = f"{abs(value):.2e}".split("e")
        text = f"{'−' if value < 0 else ''}{mantissa}·10{_superscript(int(exponent))}"
    return text + (unit if unit == "°" else f"\u00a0{unit}" if unit else "")


def _superscript(exponent: int) -> str:
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def signed(value: float | None) -> str:
    """A contribution or a difference: always with its sign, two decimals."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{'−' if value < 0 else '+'}{abs(value):.2f}"


def percent(share: float | None) -> str:
    """A share as per cent with one decimal; 0 % and 100 % only when it is exactly so. The space does not break."""
    if share is None or not math.isfinite(share):
        return MISSING
    if share in (0, 1):
        return f"{100 * share:.0f}\u00a0%"
    if not 0.0005 <= share < 0.9995:
        return "< 0.1\u00a0%" if share < 0.5 else "> 99.9\u00a0%"
    return f"{100 * share:.1f}\u00a0%"


def whole(share: float) -> str:
    """A share that was chosen, not measured: ``95 %``, ``97.5 %``."""
    return f"{100 * share:.3g}\u00a0%"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """A score with its confidence interval: ``.953 (.941–.964)``."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return score(value)
    return f"{score(value)} ({score(low)}–{score(high)})"


def count(n: float, thing: str, things: str | None = None) -> str:
    """A number of things in words: ``1 image``, ``1,200 images``."""
    return f"{number(n)} {thing if n == 1 else things or thing + 's'}"


def size(n_bytes: float) -> str:
    """A file size: ``31 kB``, ``4.2 MB``."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if n_bytes >= 10 or unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 11th; of a percentile 0 and 100 mean outside all."""
    if n in (0, 100):
        return "below all" if n == 0 else "above all"
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def finite(value: object) -> float:
    """A number to sort by: -1, below all scores, where there is none.

    >>> finite(.25), finite(None), finite(float("nan"))
    (0.25, -1.0, -1.0)
    """
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else -1.0
