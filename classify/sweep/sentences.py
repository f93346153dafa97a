"""What a sweep found, in words."""
import math
from collections.abc import Sequence

from classify.sweep.result import Scored, Sweep, SweptChange
from featurize.report.numbers import count, number, percent, whole

# Strengths up to this one are such as occur in daily work.
MILD = 2


def says(change: SweptChange, found: Sweep) -> str:
    """At which strength one change breaks what was promised, and what becomes of the answers."""
    first, last = change.strengths[change.broken_at - 1], change.strengths[-1]
    if not change.broken_at:
        return (f"No promise is shown to break up to strength {len(change.strengths)} ({last.told}): {_answers(last)}.")
    before = f" Up to strength {change.broken_at - 1} none is shown to break." if change.broken_at > 1 else ""
    return f"The promise breaks at strength {change.broken_at} ({first.told}): {_breach(first, found)}.{before}"


def _breach(scored: Scored, found: Sweep) -> str:
    parts = []
    if scored.sets_broken:
        parts.append(f"the prediction sets hold the truth in {percent(scored.coverage)} of the images, not in "
                     f"{whole(found.coverage_promised)}")
    if scored.review_broken and found.error_promised is not None:
        parts.append(f"of the answers that need no review {percent(scored.errors_kept)} are wrong, not at most "
                     f"{percent(found.error_promised)}")
    return "; and ".join(parts)


def _answers(scored: Scored) -> str:
    if not scored.n:
        return "but no image could be measured any more"
    return (f"{percent(scored.accuracy)} are named correctly, {percent(scored.review_share)} go to review, the sets "
            f"hold the truth in {percent(scored.coverage)}")


def lead(found: Sweep) -> str:
    """What was done, and what the unchanged images give."""
    unchanged = found.unchanged
    return (f"{count(unchanged.n, 'labelled image')}, chosen evenly by class (seed {found.seed}), were changed in "
            f"{len(found.changes)} ways at five strengths, measured and predicted again. Unchanged, "
            f"{_answers(unchanged)}. {counted(found)}")


def counted(found: Sweep) -> str:
    """When a promise counts as broken, and which fall of the coverage so many images show."""
    seen = "" if math.isnan(found.shown_from) else (
        f" With {count(found.unchanged.n, 'image')} that shows sets that hold the truth in {percent(found.shown_from)} "
        "or less; a smaller fall stays open.")
    return (f"A promise counts as broken where p is below .05, counting all {number(found.comparisons)} comparisons "
            "with a promise together (Holm); intervals and the unchanged images stand alone, at 95\u00a0%."
            f"{seen}")


def unchanged_breach(found: Sweep) -> str:
    """One sentence where the unchanged images break a promise already, else ""."""
    return f"Without any change {_breach(found.unchanged, found)}." if found.unchanged.broken else ""


def mild_breaches(found: Sweep) -> Sequence[str]:
    """Names of the changes that break a promise at a strength of daily work."""
    return [change.name for change in found.changes if 0 < change.broken_at <= MILD]


def lines(found: Sweep) -> list[str]:
    """For the terminal: one line of what breaks when."""
    by_strength: dict[int, list[str]] = {}
    for change in found.changes:
        by_strength.setdefault(change.broken_at, []).append(change.name)
    unchanged = [unchanged_breach(found)] if found.unchanged.broken else []
    listed = [f"breaks at strength {strength}: {', '.join(by_strength[strength])}"
              for strength in sorted(by_strength) if strength]
    if 0 in by_strength:
        listed.append(f"not shown to break at any strength: {', '.join(by_strength[0])}")
    return [f"sweep of {count(found.unchanged.n, 'image')}: what the model promises, counting all "
            f"{count(found.comparisons, 'comparison')}",
            *(f"  {line}" for line in (*unchanged, *listed))]
