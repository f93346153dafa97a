"""What will go wrong with a folder of images, and what to do about it."""
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from featurize.explore.census import (UNLABELLED, Census, class_by_split, clusters, groups_across, likely_group,
                                      looks_table, told_by_class, trouble)
from featurize.report.numbers import count, number, percent
from featurize.report.page import by_weight, warning

Warnings = Iterator[dict[str, str]]

# Rank eta squared from which a look differs so much between classes that it could be learned instead of the disease.
DIFFERS = .25
GIVES_AWAY = .6
NORMALIZE = "The presets normalize it away, mostly; the report of classify tests how much nuisances alone can tell."
# look: (what differs, what to do, the option that does it)
LOOKS: Mapping[str, tuple[str, str, str]] = {
    "width": ("The size of the images", "Find out why before you train: cropping by hand is a hint to the class.", ""),
    "brightness": ("The brightness", "The objects may differ so; compare the backgrounds below.", ""),
    "background": ("The brightness of the background", NORMALIZE, "--preset auto"),
    "background tint": ("The tint of the background", NORMALIZE, "--preset auto"),
    "sharpness": ("The sharpness", "If each class has its own camera, say so and compare cameras.", "--site-column C"),
    "JPEG blocks": ("The JPEG quality", "Files that were saved differently give their class away: use the originals.",
                    ""),
}


def warnings(census: Census, read: int, said: Sequence[str] = ()) -> list[Mapping[str, str]]:
    """All warnings, the serious ones first.

    Parameters
    ----------
    census : Census
    read : int
        How many images were chosen to be looked at.
    said : sequence of str
        What the index had to say.
    """
    told = [warning("caution", f"{text[0].upper()}{text[1:]}.") for text in said]
    found = [*told, *_labels(census), *_balance(census), *_splits_without(census), *_leaks(census),
             *_duplicates(census), *_looks(census), *_sizes(census), *_odd_images(census), *_sites(census),
             *_files(census), *_groups(census)]
    if read < len(census.frame):
        text = f"{number(read)} of {count(len(census.frame), 'image')} were read for this page."
        found.append(warning("note", text, "They are spread evenly over classes and parts. Counts are of all images, "
                             "looks and near copies of these only."))
    return by_weight(found)


def _labels(census: Census) -> Warnings:
    known, option = census.frame["label"].dropna(), "--labels F.csv --label-column C"
    if known.empty:
        yield warning("serious", "No image has a label.",
                      "Put the images of each class into a folder of its name, or give a CSV:", option)
    elif known.nunique() == 1:
        yield warning("serious", f"There is only one class: {known.iloc[0]}.",
                      "A classifier needs two. Check the folder that was given, or give labels in a CSV:", option)
    missing = len(census.frame) - len(known)
    if missing and len(known):
        yield warning("caution", f"{count(missing, 'image')} of {number(len(census.frame))} have no label.",
                      "They are measured and predicted, and not trained on.", option)


def _balance(census: Census) -> Warnings:
    sizes = census.frame["label"].value_counts()
    if len(sizes) < 2:
        return
    first, last, ratio = sizes.index[0], sizes.index[-1], float(sizes.iloc[0] / sizes.iloc[-1])
    if ratio >= 3:
        yield warning("serious" if ratio >= 20 else "caution",
                      f"“{first}” has {number(float(f'{ratio:.2g}'))} times as many images as “{last}” "
                      f"({number(sizes.iloc[0])} and {number(sizes.iloc[-1])}).",
                      "classify weights the classes by itself. Judge by balanced accuracy, macro-F1 and each class "
                      "alone, never by accuracy.")
    few = [f"{name} ({number(n)})" for name, n in sizes.items() if 10 <= n < 50]
    if few:
        yield warning("caution", f"Few images: {_listed(few)}.",
                      "Intervals will be wide, and prediction sets coarse, with less than 50 images in a class.")
    tiny = [f"{name} ({number(n)})" for name, n in sizes.items() if n < 10]
    if tiny:
        yield warning("serious", f"Too few images to learn from: {_listed(tiny)}.",
                      "Add images, merge the class with another one, or use fewer folds:", "--folds 3")


def _listed(names: Sequence[str], most: int = 6) -> str:
    """The first names, and how many more there are."""
    more = f" and {number(len(names) - most)} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _splits_without(census: Census) -> Warnings:
    counts = class_by_split(census).drop(index=UNLABELLED, errors="ignore")
    for split in counts.columns:
        lost = [str(name) for name, n in counts[split].items() if n == 0]
        if lost and len(lost) < len(counts):
            yield warning("serious", f"The part {split} has no image of {_listed(lost)}.",
                          "Give every class to every part, or give no parts: classify then makes folds.", "--folds 5")


def _leaks(census: Census) -> Warnings:
    across = groups_across(census.frame)
    if across:
        text = f"{count(len(across), 'group stands', 'groups stand')} in several parts: {_listed(across)}."
        yield warning("serious", text,
                      "Scores would be too good. classify takes such images out of the training part; better deal the "
                      "groups anew.")
    split = [rows for rows in clusters(census) if census.frame.iloc[rows]["split"].dropna().nunique() > 1]
    if split:
        yield warning("serious", f"{count(len(split), 'picture stands', 'pictures stand')} in several parts.",
                      "The test part holds copies of what was trained on. classify takes them out of the training "
                      "part; they are shown below.")


def _duplicates(census: Census) -> Warnings:
    found = clusters(census)
    torn = [rows for rows in found if trouble(census.frame, rows) == 2]
    if torn:
        yield warning("serious", f"{count(len(torn), 'picture has', 'pictures have')} two different labels.",
                      "One of them is wrong. They are shown below with their paths: correct them before training.")
    extra = sum(len(rows) - 1 for rows in found if trouble(census.frame, rows) == 0)
    if extra:
        yield warning("note", f"{count(extra, 'image is a copy', 'images are copies')} of another one, or nearly so.",
                      "classify keeps copies on one side of every split by itself.")


def _looks(census: Census) -> Warnings:
    table = looks_table(census)
    table = table[table["label"] != UNLABELLED]
    for name, (what, advice, option) in LOOKS.items():
        told = told_by_class(table[name].to_numpy(float), table["label"].tolist())
        if told >= DIFFERS:
            # The brightness of the whole picture holds the object itself, so it is never proof.
            level = "serious" if told >= GIVES_AWAY and name != "brightness" else "caution"
            yield warning(level, f"{what} differs by class, which explains {percent(told)} of it: a possible shortcut.",
                          advice, option)


def _sizes(census: Census) -> Warnings:
    shapes = {(g.width_px, g.height_px) for g in census.looks}
    sides = [max(shape) for shape in shapes]
    if len(shapes) > 1 and max(sides) > 1.5 * min(sides):
        yield warning("caution", f"The longer sides of the images reach from {number(min(sides))} to "
                      f"{number(max(sides))} px.", "If pixels differ in size, lengths in pixels do not compare. Scale "
                      "the images alike, or give the size of a pixel if it is one and known:", "--mm-per-px X")


def _odd_images(census: Census) -> Warnings:
    black = np.array([g.cut_out for g in census.looks])
    if black.any() and not black.all():
        yield warning("caution", f"{percent(float(black.mean()))} of the images lie on black, the others do not.",
                      "A model could tell cut-out from whole images instead of the classes. Keep them apart as sites:",
                      "--site-column C")
    flat = [at for at, g in zip(census.rows, census.looks) if g.spread.max() < 2]
    if flat:
        path = census.frame["path"].iloc[int(flat[0])]
        yield warning("caution", f"{count(len(flat), 'image is', 'images are')} of one even color, such as {path}.",
                      "Nothing can be measured on them: take them out.")


def _sites(census: Census) -> Warnings:
    known = census.frame.dropna(subset=["label"])
    if known["site"].nunique() < 2:
        return
    homes = known.groupby("label")["site"].agg(["nunique", "first"])
    bound = homes[homes["nunique"] == 1]
    if len(bound):
        names = _listed([f"{label} ({site})" for label, site in bound["first"].items()])
        yield warning("serious", f"{count(len(bound), 'class comes', 'classes come')} from one site only: {names}.",
                      "The model can learn the site instead of the class. Leave such classes out, or compare sites "
                      "with the command audit.")


def _files(census: Census) -> Warnings:
    n = len(census.errors)
    if n:
        share = n / (n + len(census.frame))
        text = f"{count(n, 'file')} ({percent(share)}) could not be read."
        yield warning("serious" if share > .1 else "caution", text,
                      "They are listed below and left out. To make featurize end with an error instead:", "--strict")


def _groups(census: Census) -> Warnings:
    known = census.frame["group"].nunique()
    if 0 < known < 5 and not census.frame["split"].notna().any():
        yield warning("serious", f"There {'is' if known == 1 else 'are'} only {count(known, 'group')}.",
                      "Whole groups are kept back for testing: intervals will be too narrow, and there can be no more "
                      "folds than groups.", f"--folds {max(known, 2)}")
    if known:
        return
    guess = likely_group(census.frame)
    if guess is None:
        yield warning("note", "No patients, slides or other groups are given.",
                      "If several images come from one patient, say so, or every score will be too good:",
                      "--group-column C or --group-regex RE")
        return
    expression, n = guess
    yield warning("caution", f"No groups are given, but a part of the file names has {number(n)} values that repeat.",
                  "If that is the patient or the slide, keep its images together:", f"--group-regex '{expression}'")
