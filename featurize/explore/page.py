"""What is in a folder of images, and what will go wrong with it: one offline page."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from featurize.arrays import Int64Array
from featurize.errors import UserError
from featurize.explore import sections
from featurize.explore.census import Census, stratified_sample, take_census, with_label
from featurize.explore.image_stats import image_statistics
from featurize.explore.warnings import warnings
from featurize.images.read import ImageError
from featurize.index.build import Index, load, source_of
from featurize.index.listing import with_listed_findings
from featurize.report.numbers import count
from featurize.report.page import contents, write_page
from featurize.report.pictures import Album
from featurize.runtime.progress import tracking
from featurize.runtime.shell import Value, command_line

# The table in the commands that are offered.
TABLE = "table.parquet"
# Most images that are read for the page.
MOST_READ = 2000
SECTIONS = ("At a glance", "Files", "Classes and splits", "Sizes and channels", "Pixel values",
            "Looks that could give the class away", "Montage", "One image closely", "Duplicates", "Next step")


@dataclass(frozen=True)
class Explored:
    """What stands on a page, in short.

    Parameters
    ----------
    images, unreadable : int
        Images that were counted, and files that could not be read and are left out.
    serious : tuple of str
        The serious warnings: what is wrong, what to do about it, and the option that does it.
    others : int
        Other warnings that stand on the page alone.
    """

    images: int
    unreadable: int
    serious: tuple[str, ...]
    others: int


def explore(index: Index, out: Path, progress: bool = False, images: Sequence[str | Path] = (),
            options: Mapping[str, Value] | None = None) -> Explored:
    """Write the page.

    Parameters
    ----------
    index : Index
        At most 2,000 of its images are read, always the same ones, spread evenly over classes and splits.
    out : Path
        Where the page goes, whole or not at all.
    progress : bool
        Show a bar on a terminal.
    images, options
        Of the commands that go on from here, see `next_commands`; without them the folders alone.

    Raises
    ------
    UserError
        Not one image can be read.
    """
    chosen = stratified_sample(index.frame, MOST_READ)
    album = Album(index.sources, None, None)
    census = _read(index, chosen, progress)
    warned = warnings(census, len(chosen), index.warnings)
    content = {
        "kicker": "Explore", "title": _title(index), "lead": _lead(census), "facts": _facts(index),
        "contents": contents(SECTIONS), "warnings": warned,
        "no_warnings": "Nothing was found that could go wrong.", "tiles": sections.tiles(census),
        **sections.files(census), "classes": sections.classes(census), "sizes": sections.sizes(census),
        "pixels": sections.pixels(census), "quality": sections.quality(census),
        "montage": sections.montage(census, album), "typical": sections.typical_image(census, album),
        "duplicates": sections.duplicates(census, album),
        "next": next_commands(index, images or [s.root for s in index.sources], options)}
    write_page(out, "explore.html.j2", content, Path(__file__).parent)
    serious = tuple(" ".join(part for part in (w["text"], w["advice"], w["command"]) if part)
                    for w in warned if w["level"] == "serious")
    return Explored(len(census.frame), len(census.errors), serious, len(warned) - len(serious))


def _read(index: Index, chosen: Int64Array, progress: bool) -> Census:
    """Look at the chosen pictures; what can't be read moves from the images to the errors."""
    images, unreadable = [], []
    kept = np.ones(len(index.frame), bool)
    with tracking(len(chosen), "images", shown=progress) as advance:
        for row in chosen.tolist():
            site, path = index.frame["site"].iloc[row], index.frame["path"].iloc[row]
            try:
                images.append(image_statistics(load(source_of(index.sources, site), path)))
            except ImageError as error:
                kept[row] = False
                unreadable.append({"path": path, "error": str(error), "reason": error.reason})
            advance(1)
    if not images:
        first = unreadable[0]["error"] if unreadable else "there is none"
        raise UserError(f"none of {count(len(chosen), 'image')} can be read ({first}): give a folder of images")
    errors = index.errors
    if unreadable:
        errors = pd.concat([index.errors, pd.DataFrame(unreadable)], ignore_index=True)
    frame, findings = with_listed_findings(index.frame[kept].reset_index(drop=True), index.label_columns)
    # Rows move up where an unreadable image before them is left out.
    rows = (np.cumsum(kept) - 1)[chosen[kept[chosen]]]
    return take_census(with_label(frame, findings), errors, rows, images, findings)


def _title(index: Index) -> str:
    return ", ".join(Path(s.root).resolve().name for s in index.sources)


def _lead(census: Census) -> str:
    labels = sorted(census.findings or census.frame["label"].dropna().astype(str).unique())
    named = ", ".join(f"“{name}”" for name in labels[:12]) + (" and more" if len(labels) > 12 else "")
    classes = count(len(labels), "finding") if census.findings else count(len(labels), "class", "classes")
    return f"{count(len(census.frame), 'image')}, {classes}{': ' if named else ''}{named}."


def _facts(index: Index) -> list[dict[str, object]]:
    return [{"name": f"{s.site or 'Source'} ({s.kind})", "value": str(s.root), "wide": True, "code": True}
            for s in index.sources]


def next_commands(index: Index, images: Sequence[str | Path], options: Mapping[str, Value] | None = None) -> str:
    """The commands that go on from here: to a model, or without two classes to the nearest images and to labels.

    Parameters
    ----------
    index : Index
    images : sequence of str or Path
        The images as the user named them.
    options : mapping, optional
        The options that said labels, groups and sites.
    """
    measure = command_line("featurize", images, {"-o": TABLE, **(options or {})})
    if index.label_columns or index.frame["label"].nunique() > 1:
        return "\n".join([measure, command_line("classify", [TABLE], {"-o": "run/"})])
    labelled = {**(options or {}), "--labels": "F.csv", "--label-column": "C"}
    return "\n".join([measure, command_line("similar", [TABLE, _first_image(index)], {"-o": "similar.html"}),
                      "# classify needs at least two classes; labels are read from a CSV:",
                      command_line("featurize", images, {"-o": TABLE, **labelled}),
                      command_line("classify", [TABLE], {"-o": "run/"})])


def _first_image(index: Index) -> Path:
    """An image that `similar` can be asked about; those in archives have no path of their own."""
    first = index.frame.iloc[0]
    source = source_of(index.sources, first["site"])
    return Path(source.root) / first["path"] if source.kind == "folder" else Path("IMAGE")
