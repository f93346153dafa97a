"""What stands in an index, counted: files, classes, splits, groups, duplicates."""
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from featurize.arrays import Int64Array
from featurize.explore.image_stats import ImageStatistics
from featurize.index.duplicates import duplicate_groups

UNLABELLED = "no label"
# Numbers in the fingerprint of an image (see `featurize.index.duplicates.fingerprint`).
_FINGERPRINT_LENGTH = 1024


class Conflict(IntEnum):
    """What is wrong with several files that show the same picture; larger is worse."""

    NONE = 0
    SPLITS = 1
    LABELS = 2


@dataclass(frozen=True)
class Census:
    """An index with the statistics of those of its images that were read.

    Parameters
    ----------
    frame : DataFrame
        All images of the index, RangeIndex; columns as in `featurize.index.build.Index.frame`.
    errors : DataFrame
        `path, error, reason` of files that could not be read, whether by the index or for this page.
    rows : (m,) int
        Positions in `frame` of the images that were read.
    images : sequence of m ImageStatistics
    cluster : (m,) int
        Same number = same picture.
    """

    frame: pd.DataFrame
    errors: pd.DataFrame
    rows: Int64Array
    images: Sequence[ImageStatistics]
    cluster: Int64Array

    @property
    def label(self) -> pd.Series:
        """(n,) label of every image, `UNLABELLED` where there is none."""
        return self.frame["label"].fillna(UNLABELLED).astype(str)


def take_census(frame: pd.DataFrame, errors: pd.DataFrame, rows: Int64Array,
                images: Sequence[ImageStatistics]) -> Census:
    """Find the duplicates among the images that were read; the parameters are those of `Census`.

    Parameters
    ----------
    frame : DataFrame
        All images of the index, RangeIndex.
    errors : DataFrame
        `path, error, reason` of files that could not be read.
    rows : (m,) int
        Positions in `frame` of the images that were read.
    images : sequence of m ImageStatistics
        Their statistics, in the same order.
    """
    read = frame.iloc[rows]
    prints = (np.stack([image.fingerprint for image in images]) if images
              else np.zeros((0, _FINGERPRINT_LENGTH), np.float32))
    return Census(frame, errors, rows, images, duplicate_groups(read["sha256"].astype(str).tolist(), prints))


def stratified_sample(frame: pd.DataFrame, most: int) -> Int64Array:
    """At most `most` rows, spread evenly over each label and split: every k-th of them, so the same ones each time.

    Beyond these, up to `most` exact copies of other files are always included: they cost nothing to find.
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
    """A frame with several findings gets one label to be counted by.

    The label is the finding, "several findings" or "none of them".
    """
    if not findings:
        return frame
    present = frame[[f"label_{name}" for name in findings]].fillna(0).to_numpy(dtype=bool)
    n = present.sum(axis=1)
    first = np.array(findings, dtype=object)[present.argmax(axis=1)]
    return frame.assign(label=np.where(n == 1, first, np.where(n > 1, "several findings", "none of them")))


def file_types(frame: pd.DataFrame) -> pd.Series:
    """Number of files of each ending, most frequent first."""
    endings = frame["path"].map(lambda path: PurePosixPath(path).suffix.lower() or "(none)")
    return endings.value_counts()


def missing_values(frame: pd.DataFrame) -> pd.Series:
    """Number of images without a value, for the columns that should have one.

    Site and split may be left out for all images: only gaps in them are missing values.
    """
    columns = [c for c in frame.columns if c in ("label", "group") or c.startswith("label_")
               or c in ("site", "split") and frame[c].notna().any()]
    return frame[columns].isna().sum()


def class_by_split(census: Census) -> pd.DataFrame:
    """Images per class (rows, most frequent first) and split (columns, in the order train, val, test)."""
    split = census.frame["split"].fillna("all").astype(str)
    counts = pd.crosstab(census.label, split)
    known = [s for s in ("train", "val", "test", "all") if s in counts]
    order = known + sorted({str(s) for s in counts} - set(known))
    return counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index, order]


def groups_by_class(census: Census) -> pd.Series:
    """Number of different groups of every class."""
    return census.frame.assign(label=census.label).groupby("label")["group"].nunique()


def group_sizes(frame: pd.DataFrame) -> pd.DataFrame:
    """`n, labels, splits` of every group: images, different labels, different splits; largest group first."""
    known = frame.dropna(subset=["group"])
    groups = known.groupby("group").agg(n=("image_id", "size"), labels=("label", "nunique"),
                                        splits=("split", "nunique"))
    return groups.sort_values("n", ascending=False, kind="stable")


def groups_in_several_splits(frame: pd.DataFrame) -> list[str]:
    """Names of the groups that have images in more than one split."""
    known = frame.dropna(subset=["group", "split"])
    splits = known.groupby("group")["split"].nunique()
    return [str(g) for g in splits.index[splits > 1]]


def duplicate_clusters(census: Census) -> list[Int64Array]:
    """Positions in `frame` of every cluster of two or more, the worst conflict first, then the largest."""
    groups = [census.rows[at] for at in pd.Series(census.cluster).groupby(census.cluster).indices.values()]
    several = [rows for rows in groups if len(rows) > 1]
    return sorted(several, key=lambda rows: (-conflict_of(census.frame, rows), -len(rows), int(rows[0])))


def conflict_of(frame: pd.DataFrame, rows: Int64Array) -> Conflict:
    """Whether files that show the same picture differ in label or split."""
    part = frame.iloc[rows]
    if part["label"].dropna().nunique() > 1:
        return Conflict.LABELS
    return Conflict.SPLITS if part["split"].dropna().nunique() > 1 else Conflict.NONE
