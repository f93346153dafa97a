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
from featurize.runtime.set_aside import set_aside_changed

MARK = ".pellucid-segment.json"
MASK, OUTLINES, ROIS = ".png", ".geojson", ".roi.zip"


@dataclass(frozen=True)
class MaskJob:
    """One image: where it is, and the name of what is written without suffix."""

    site: str | None
    path: str
    stem: str


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


def claim(index: Index, out: Path) -> tuple[list[MaskJob], list[str]]:
    """The jobs, with stems none of which writes a file of another or of a user; new names of files that were changed.

    The mark names all stems before anything is written, and holds checksums only of files that this run will not
    write: a run that is killed leaves none, so that the next one does not take its files for changed ones.

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
                    for suffix in (MASK, OUTLINES, ROIS) if os.path.lexists(out / (stem + suffix))), None)
    if foreign is not None:
        raise UserError(f"{foreign} was not written by `segment` and would be replaced: give another folder with -o")
    written, names = _noted_files(out), {stem + suffix for stem in own.values() for suffix in (MASK, OUTLINES, ROIS)}
    kept = set_aside_changed({out / name: written[name] for name in sorted(names & written.keys())})
    _write_mark(out, {**earlier, **own}, {name: sha256 for name, sha256 in written.items() if name not in names})
    return ([MaskJob(site, path, own[shown]) for site, path, shown in rows],
            [file.relative_to(out).as_posix() for file in kept])


def _noted_files(out: Path) -> dict[str, str]:
    """SHA-256 of the files of earlier runs, by their paths in the folder; older marks hold none."""
    try:
        files = json.loads((out / MARK).read_text(encoding="utf-8")).get("files", {})
        return {str(name): str(sha256) for name, sha256 in files.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def note_files(new: Mapping[str, str], out: Path) -> None:
    """Write into the mark the SHA-256 of what this run has written, by paths in the folder."""
    _write_mark(out, stems.read_stems(out / MARK), {**_noted_files(out), **new})


def _write_mark(out: Path, known: Mapping[str, str], files: Mapping[str, str]) -> None:
    write_json({"program": "pellucid", "command": "segment", "stems": dict(sorted(known.items())),
                "files": dict(sorted(files.items()))}, out / MARK)
