"""The output folder of `segment`: where it may lie, how its files are called, and which were changed since."""
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from featurize.errors import UserError
from featurize.index.build import Index
from featurize.runtime import stems
from featurize.runtime.files import write_json
from featurize.runtime.leftovers import is_filled

MARK, WRITTEN = ".pellucid-segment.json", ".pellucid-segment-files.json"
SUFFIXES = MASK, OUTLINES, ROIS = ".png", ".geojson", ".roi.zip"


@dataclass(frozen=True)
class MaskJob:
    """One image: where it is, the name of what is written without suffix, and what an earlier run wrote.

    `written` has the SHA-256 of each of `SUFFIXES`, None where it is not known.
    """

    site: str | None
    path: str
    stem: str
    written: tuple[str | None, ...] = (None,) * len(SUFFIXES)


def check_place(index: Index, out: Path) -> None:
    """Refuse an output folder that is, holds or lies in a source, or that holds files of others.

    Raises
    ------
    UserError
    """
    if out.is_symlink() or out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file or a link, a folder was wanted: -o masks/")
    place = out.resolve()
    for source in index.sources:
        root = Path(source.root).resolve()
        if place == root or place in root.parents or root in place.parents:
            raise UserError(f"the output {out} is, holds or lies in {source.root}: masks would be read as images; give "
                            "another folder with -o")
    if is_filled(out, MARK) and not (out / MARK).is_file():
        raise UserError(f"the folder {out} holds files that `segment` did not write: give a new folder with -o, or "
                        "empty it")


def claim(index: Index, out: Path) -> list[MaskJob]:
    """The jobs, with stems none of which writes a file of another or of a user; the mark names them all.

    Raises
    ------
    UserError
        A file of such a name exists and was not written by a run.
    """
    earlier = stems.read_stems(out / MARK)
    several = len(index.sources) > 1
    rows = [(site, path, f"{site}/{path}" if several else path)
            for site, path in zip(index.frame["site"].tolist(), index.frame["path"].tolist())]
    own = stems.choose_stems([shown for _, _, shown in rows], earlier)
    foreign = next((out / (stem + suffix) for shown, stem in own.items() if shown not in earlier
                    for suffix in SUFFIXES if os.path.lexists(out / (stem + suffix))), None)
    if foreign is not None:
        raise UserError(f"{foreign} was not written by `segment` and would be replaced: give another folder with -o")
    write_json({"program": "pellucid", "command": "segment", "stems": dict(sorted({**earlier, **own}.items()))},
               out / MARK)
    written = _noted(out)
    return [MaskJob(site, path, own[shown], tuple(written.get(own[shown] + suffix) for suffix in SUFFIXES))
            for site, path, shown in rows]


def note(new: Mapping[str, str], out: Path) -> None:
    """Keep the SHA-256 of what a finished run has written, by paths in the folder, beside those of runs before."""
    write_json({"files": dict(sorted({**_noted(out), **new}.items()))}, out / WRITTEN)


def _noted(out: Path) -> dict[str, str]:
    try:
        files = json.loads((out / WRITTEN).read_text(encoding="utf-8"))["files"]
        return {str(name): str(sha256) for name, sha256 in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
