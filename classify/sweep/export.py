"""A sweep as plain data."""
from dataclasses import asdict
from typing import Any

from classify.sweep.result import Sweep
from classify.sweep.sentences import says


def to_dict(found: Sweep) -> dict[str, Any]:
    """Every number of the section, for JSON."""
    changes = [{"name": change.name, "broken_at": change.broken_at, "says": says(change, found),
                "strengths": [asdict(scored) for scored in change.strengths]} for change in found.changes]
    return {"images": found.unchanged.n, "seed": found.seed, "learned": found.learned, "note": found.note,
            "comparisons": found.comparisons, "shown_from": found.shown_from,
            "coverage_promised": found.coverage_promised, "error_promised": found.error_promised,
            "unchanged": asdict(found.unchanged), "changes": changes}
