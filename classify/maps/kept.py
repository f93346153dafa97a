"""What an image gave with parts of it hidden, kept as JSON beside the audit: it is measured once for a model.

The name holds the SHA-256 of the image and a hash of all else that decides: model, seed, preset, versions.
"""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurize.runtime.files import write_json


# Log-odds of the named class by key of what was hidden (`featurize.images.occlude.Hidden`).
Margins = dict[str, float]


@dataclass(frozen=True)
class Store:
    """The folder of kept results of one model."""

    folder: Path
    key: str

    def _path(self, sha256: str) -> Path:
        return self.folder / f"{sha256[:16]}-{self.key}.json"

    def read(self, sha256: str) -> Margins | None:
        """What was kept of an image; None where nothing was, or where the file cannot be read."""
        try:
            content = json.loads(self._path(sha256).read_bytes())
            if content["sha256"] != sha256:
                return None
            return {key: np.nan if value is None else float(value) for key, value in content["log_odds"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, sha256: str, margins: Margins) -> None:
        """Keep what an image gave."""
        self.folder.mkdir(parents=True, exist_ok=True)
        odds = {key: value if np.isfinite(value) else None for key, value in margins.items()}
        write_json({"sha256": sha256, "log_odds": odds}, self._path(sha256))


def store_of(out: Path, decides: Sequence[object]) -> Store:
    """The store beside an output: `audit.maps` for `audit.html`."""
    key = hashlib.sha256(json.dumps(list(decides), sort_keys=True).encode()).hexdigest()[:16]
    return Store(out.with_suffix(".maps"), key)
