"""What stands in an index and what its pictures look like, counted: the numbers behind `explore`."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from featurize.arrays import Float64Array, Int64Array
from featurize.explore.image_stats import Glimpse
from featurize.index.duplicates import duplicate_groups

UNLABELLED = "no label"


@dataclass(frozen=True)
class Census:
    """An index with the looks of those of its pictures that were read.

    Parameters
    ----------
    frame : DataFrame
        All images of the index, RangeIndex; columns as in `featurize.index.build.Index.frame`.
    errors : DataFrame
        `path, error, reason` of files that could not be read, those found while looking included.
    rows : (m,) int
        Positions in `frame` of the pictures that were read.
    looks : sequence of m Glimpse
    cluster : (m,) int
        Same number = same picture.
    """

    frame: pd.DataFrame
    errors: pd.DataFrame
    rows: Int64Array
    looks: Sequence[Glimpse]
    cluster: Int64Array

    @property
    def seen(self) -> pd.DataFrame:
        """The rows of `frame` that were read, RangeIndex."""
        return self.frame.iloc[self.rows].reset_index(drop=True)

    @property
    def label(self) -> pd.Series:
        """(n,) label of every image, `UNLABELLED` where there is none."""
        return self.frame["label"].fillna(UNLABELLED).astype(str)


def take_census(frame: pd.DataFrame, errors: pd.DataFrame, rows: Int64Array, looks: Sequence[Glimpse]) -> Census:
    """Find the duplicates among the pictures that were read, and put everything together."""
    seen = frame.iloc[rows]
    prints = np.stack([look.print for look in looks]) if looks else np.zeros((0, 1024), np.float32)
    return Census(frame, errors, rows, looks, duplicate_groups(seen["sha256"].astype(str).tolist(), prints))


def stratified(frame: pd.DataFrame, most: int) -> Int64Array:
    """At most `most` rows, spread evenly over each label and split: every k-th of them, so the same ones each time.

    Exact copies of other files are always among them, up to the same number again: they cost nothing to find.
    """
    if len(frame) <= most:
        return np.arange(len(frame))
    key = frame["label"].astype(str) + "\0" + frame["split"].astype(str)
    chosen = []
    for _, rows in frame.groupby(key, sort=True).indices.items():
        share = max(1, round(most * len(rows) / len(frame)))
        chosen.append(rows[np.linspace(0, len(rows) - 1, min(share, len(rows))).astype(int)])
    copies = np.flatnonzero(frame["sha256"].duplicated(keep=False))[:most]
    return np.unique(np.concatenate([*chosen, copies]))


def with_label(frame: pd.DataFrame, findings: Sequence[str]) -> pd.DataFrame:
    """A frame with several findings gets one label to be counted by: the finding, "several findings" or "none"."""
    if not findings:
        return frame
    found = frame[[f"label_{name}" for name in findings]].fillna(0).to_numpy(dtype=bool)
    n = found.sum(axis=1)
    one = np.array(findings, dtype=object)[found.argmax(axis=1)]
    return frame.assign(label=np.where(n == 1, one, np.where(n > 1, "several findings", "none of them")))


def kinds(frame: pd.DataFrame) -> pd.Series:
    """Number of files of each ending, most frequent first."""
    endings = frame["path"].map(lambda path: PurePosixPath(path).suffix.lower() or "(none)")
    return endings.value_counts()


def class_by_split(census: Census) -> pd.DataFrame:
    """Images per class (rows, most frequent first) and split (columns, in the order train, val, test)."""
    split = census.frame["split"].fillna("all").astype(str)
    counts = pd.crosstab(census.label, split)
    known = [s for s in ("train", "val", "test", "all") if s in counts]
    order = known + sorted({str(s) for s in counts} - set(known))
    return counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index, order]


def looks_table(census: Census) -> pd.DataFrame:
    """One row per picture that was read: label and the numbers that should not differ between classes."""
    mean = np.array([g.mean for g in census.looks]).reshape(-1, 3)
    background = np.array([g.background for g in census.looks]).reshape(-1, 3)
    return pd.DataFrame({"label": census.label.iloc[census.rows].to_numpy(),
                         "width": [g.width_px for g in census.looks], "height": [g.height_px for g in census.looks],
                         "brightness": mean.mean(axis=1), "background": background.mean(axis=1),
                         "background tint": background[:, 0] - background[:, 2],
                         "sharpness": [g.sharpness for g in census.looks],
                         "JPEG blocks": [g.blockiness for g in census.looks]})


def told_by_class(values: Float64Array, labels: Sequence[str]) -> float:
    """How far the class fixes a number: 0 = not at all, 1 = entirely.

    Rank eta squared, the Kruskal-Wallis statistic over n - 1; robust against outliers and units. NaN is left out.
    """
    known = np.isfinite(values)
    ranks = pd.Series(np.asarray(values)[known]).rank().to_numpy()
    total = ((ranks - ranks.mean()) ** 2).sum() if len(ranks) else 0
    groups = pd.Series(ranks).groupby(np.asarray(labels, dtype=object)[known]).agg(["mean", "size"])
    if total == 0 or len(groups) < 2:
        return 0.0
    between = (groups["size"] * (groups["mean"] - ranks.mean()) ** 2).sum()
    # Small classes reach high values by chance: take off what chance gives on average, (k - 1) / (n - 1).
    chance = (len(groups) - 1) / max(len(ranks) - 1, 1)
    return float(max(0.0, (between / total - chance) / max(1 - chance, 1e-12)))


def clusters(census: Census) -> list[Int64Array]:
    """Positions in `frame` of every cluster of two or more, the most troubling first."""
    groups = [census.rows[at] for at in pd.Series(census.cluster).groupby(census.cluster).indices.values()]
    many = [rows for rows in groups if len(rows) > 1]
    return sorted(many, key=lambda rows: (-trouble(census.frame, rows), -len(rows), int(rows[0])))


def trouble(frame: pd.DataFrame, rows: Int64Array) -> int:
    """2 = one picture with two labels, 1 = in two splits, 0 = neither."""
    part = frame.iloc[rows]
    return 2 if part["label"].dropna().nunique() > 1 else int(part["split"].dropna().nunique() > 1)


def groups_across(frame: pd.DataFrame) -> list[str]:
    """Groups that stand in more than one split."""
    known = frame.dropna(subset=["group", "split"])
    sides = known.groupby("group")["split"].nunique()
    return [str(g) for g in sides.index[sides > 1]]


def likely_group(frame: pd.DataFrame) -> tuple[str, int] | None:
    """A part of the file names that looks like a patient or slide, as a regular expression, and its number of values.

    Only names that all have the same number of parts between underscores or hyphens are judged. A part is likely when
    its values repeat, are more than the labels and fewer than half of the images, and hold a digit.
    """
    stems = frame["path"].map(lambda path: PurePosixPath(path).stem).astype(str)
    parts = stems.str.split(r"[_-]", regex=True)
    width = parts.map(len)
    if len(frame) < 10 or width.nunique() != 1 or width.iloc[0] < 2:
        return None
    labels = max(frame["label"].nunique(), 2)
    for at in range(int(width.iloc[0])):
        values = parts.str[at]
        if labels < values.nunique() <= len(frame) / 2 and values.str.contains(r"\d").all():
            return r"(?:^|/)" + r"[^/_-]*[_-]" * at + r"([^/_-]+)[^/]*$", int(values.nunique())
    return None
