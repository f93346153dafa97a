"""What stands in an index, counted: files, classes, splits, groups, duplicates."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from featurize.arrays import BoolArray, Int64Array
from featurize.explore.image_stats import ImageStatistics
from featurize.index.duplicates import duplicate_groups
from featurize.index.fingerprints import LENGTH

UNLABELLED = "no label"
# Images of which every finding is known to be absent.
NO_FINDING = "none of them"
# Images that stand in no part where others do, or where there are no parts.
NO_PART = "no part"


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
    findings : tuple of str
        Where several labels are given: the findings of the columns `label_<finding>`. An image can have several.
    """

    frame: pd.DataFrame
    errors: pd.DataFrame
    rows: Int64Array
    images: Sequence[ImageStatistics]
    cluster: Int64Array
    findings: tuple[str, ...] = ()

    @property
    def label(self) -> pd.Series:
        """(n,) label of every image, `UNLABELLED` where there is none."""
        return self.frame["label"].fillna(UNLABELLED).astype(str)

    @property
    def classes(self) -> Mapping[str, BoolArray]:
        """(n,) bool for each class or finding, most frequent first: which images are of it.

        Classes exclude each other. Findings do not: an image with two of them is counted for both. `NO_FINDING` and
        `UNLABELLED` are listed where there are such images.
        """
        label = self.label
        if not self.findings:
            sizes = label.value_counts()
            names = sorted(sizes.index, key=lambda name: (-sizes[name], name))
            return {name: (label == name).to_numpy() for name in names}
        found = {name: present(self.frame, name) for name in self.findings}
        rest = {name: (label == name).to_numpy() for name in (NO_FINDING, UNLABELLED) if (label == name).any()}
        return {name: found[name] for name in sorted(found, key=lambda name: -int(found[name].sum()))} | rest


def present(frame: pd.DataFrame, finding: str) -> BoolArray:
    """(n,) bool: which images are known to have a finding."""
    return (frame[f"label_{finding}"].fillna(0) == 1).to_numpy(dtype=bool)


def absent(frame: pd.DataFrame, finding: str) -> BoolArray:
    """(n,) bool: which images are known not to have a finding."""
    return (frame[f"label_{finding}"].fillna(1) == 0).to_numpy(dtype=bool)


def take_census(frame: pd.DataFrame, errors: pd.DataFrame, rows: Int64Array, images: Sequence[ImageStatistics],
                findings: Sequence[str] = ()) -> Census:
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
    findings : sequence of str
        Where several labels are given.
    """
    read = frame.iloc[rows]
    prints = (np.stack([image.fingerprint for image in images]) if images
              else np.zeros((0, LENGTH), np.uint8))
    cluster = duplicate_groups(read["sha256"].astype(str).tolist(), prints)
    return Census(frame, errors, rows, images, cluster, tuple(findings))


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
    """A frame with several findings gets one label that says them all, to be shown and compared, not counted by.

    The label is every finding that is present, joined by ", "; `NO_FINDING`; or None where no finding is known.
    """
    if not findings:
        return frame
    has = {name: present(frame, name) for name in findings}
    known = frame[[f"label_{name}" for name in findings]].notna().any(axis=1)
    labels = [", ".join(name for name in findings if has[name][row]) or NO_FINDING for row in range(len(frame))]
    return frame.assign(label=pd.Series(labels, index=frame.index, dtype=object).where(known, None))


def co_occurrence(census: Census) -> pd.DataFrame:
    """Images that have both of two findings; on the diagonal all that have the finding. Most frequent finding first."""
    names = [name for name in census.classes if name in census.findings]
    has = np.array([census.classes[name] for name in names], dtype=np.int64).reshape(len(names), len(census.frame))
    return pd.DataFrame(has @ has.T, index=names, columns=names)


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
    """Images per class (rows, most frequent first) and split (columns: train, val, test, `NO_PART`, others)."""
    split = census.frame["split"].fillna(NO_PART).astype(str)
    names: set[str] = set(split)
    order: list[str] = [s for s in ("train", "val", "test", NO_PART) if s in names]
    order += sorted(names - set(order))
    counts = {s: [int((member & (split == s)).sum()) for member in census.classes.values()] for s in order}
    return pd.DataFrame(counts, index=list(census.classes))


def groups_by_class(census: Census) -> pd.Series:
    """Number of different groups of every class."""
    group = census.frame["group"]
    return pd.Series({name: group[member].nunique() for name, member in census.classes.items()})


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
