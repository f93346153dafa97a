"""Which folders are parts (train, val, test) or folds, which are classes, and what about them a user should know."""
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize.index.archives import hidden

# Words in small letters to the split that they mean.
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
           "test": "test", "testing": "test"}
# Words that may stand before or behind such a word: Train_set, test-images, trainset.
_FILLERS = ("dataset", "set", "data", "images", "imgs", "img", "folder", "split", "part")
_FOLD = re.compile(r"k?fold[ _-]?\d+", re.IGNORECASE)
# Names that a warning lists.
_MOST_NAMES = 3
# Share of class names with a digit from which they look like patients and not like classes.
_NUMBERED_SHARE = 0.5


def split_of(name: str) -> str | None:
    """The split that the name of a folder means, None for any other name.

    >>> [split_of(name) for name in ("Train_set", "val2017", "testdata", "tests", "control")]
    ['train', 'val', 'test', None, None]
    """
    words = [word for word in re.split("[^a-z]+", name.lower()) if word and word not in _FILLERS]
    if len(words) != 1:
        return None
    ending = next((filler for filler in _FILLERS if words[0].endswith(filler)), "")
    return _SPLITS.get(words[0].removesuffix(ending))


def is_fold(name: str) -> bool:
    """Whether the name of a folder means one fold of several: fold_0, Fold 1."""
    return bool(_FOLD.fullmatch(name))


def are_parts(names: Sequence[str]) -> bool:
    """Whether names of folders are all those of different parts, one of them to train on, or all those of folds."""
    splits = [split_of(name) for name in names]
    return "train" in splits and None not in splits and 1 < len(set(splits)) == len(splits) or (
        len(names) > 1 and all(is_fold(name) for name in names))


@dataclass(frozen=True)
class FolderRoles:
    """Which folder of a path names the part, and which one the class.

    Parameters
    ----------
    split_at : int or None
        Position in the path of the folder that is a part, None where there are no parts.
    class_above : bool
        The class is the folder above the part: ``<class>/train/<file>``.
    fold_at : int or None
        Position of the folder that is a fold, None where there are no folds.
    """

    split_at: int | None = None
    class_above: bool = False
    fold_at: int | None = None

    def split(self, path: Sequence[str]) -> str | None:
        """The split of a path, given as its folders and the name of the file."""
        if self.split_at is None or len(path) <= self.split_at + 1:
            return None
        return split_of(path[self.split_at])

    def label(self, path: Sequence[str]) -> str | None:
        """The class: the name of the folder that holds the file, unless that is a part or a fold."""
        if self.class_above:
            return path[-3]
        if self.fold_at is not None and len(path) == self.fold_at + 2:
            return None
        at = self.split_at if self.split(path) else None
        return path[-2] if len(path) > (1 if at is None else at + 2) else None


def find_roles(names: Sequence[str], without_classes: bool) -> FolderRoles:
    """Parts and folds among the folders of relative paths.

    Folders that hold nothing but one folder are gone through: archives often have one. There must be a part to train on
    with class folders in it (unless a labels file says the classes, `without_classes`), and one other part. Deeper
    down, parts count only if every folder beside them has the same ones: ``<class>/train``, ``<class>/test``.
    """
    folders = [name.split("/")[:-1] for name in names]
    depth = len(os.path.commonprefix(folders))
    tops = {parts[depth] for parts in folders if len(parts) > depth}
    splits = {split_of(top) for top in tops}
    classes = any(len(parts) > depth + 1 and split_of(parts[depth]) == "train" for parts in folders)
    if "train" in splits and len(splits - {None}) > 1:
        return FolderRoles(depth) if classes or without_classes else FolderRoles()
    if len(tops) > 1 and all(is_fold(top) for top in tops):
        return FolderRoles(fold_at=depth)
    inner = _inner_parts(folders, depth)
    if inner is None:
        return FolderRoles()
    return FolderRoles(inner, class_above=all(len(parts) == inner + 1 for parts in folders))


def _inner_parts(folders: Sequence[Sequence[str]], depth: int) -> int | None:
    """The first position below `depth` where every path has a part and every folder has one to train on and another."""
    for at in range(depth + 1, min(map(len, folders), default=0)):
        found: dict[tuple[str, ...], set[str | None]] = defaultdict(set)
        for parts in folders:
            found[tuple(parts[:at])].add(split_of(parts[at]))
        if all("train" in splits and len(splits) > 1 and None not in splits for splits in found.values()):
            return at
    return None


def odd_folders(names: Sequence[str], roles: FolderRoles) -> Iterator[str]:
    """What a user who gave no labels file should know about folders, one line each."""
    paths = [name.split("/") for name in names]
    yield from _parts_not_taken(paths, roles)
    yield from _outside_parts(paths, roles)
    yield from _class_depths(paths, roles)
    without = [path for path in paths if roles.label(path) is None and not roles.split(path)]
    if len(without) < len(paths) and without and roles.split_at is None:
        yield (f"{_images(len(without))} beside the class folders without a class, for example "
               f"{'/'.join(without[0])!r}: move each into the folder of its class, or give --labels")


def _parts_not_taken(paths: Sequence[list[str]], roles: FolderRoles) -> Iterator[str]:
    """Folders called like parts or folds that are none here, and why."""
    depth = len(os.path.commonprefix([path[:-1] for path in paths]))
    tops = sorted({path[depth] for path in paths if len(path) > depth + 1})
    if roles.fold_at is not None:
        yield (f"the folders {_listed(tops)} are no classes, and not used as folds: classify makes its own; rename "
               "them train, val and test to use them as parts")
    named = [top for top in tops if split_of(top)]
    if roles.split_at is not None or len({split_of(top) for top in named}) < 2:
        return
    if any(split_of(top) == "train" for top in named):
        yield (f"the folders {_listed(named)} are taken for classes, as no folder in them names a class: if they are "
               "parts, make a folder for each class in them, or give --labels")
    else:
        yield f"the folders {_listed(named)} are not taken for parts, as none is called train"


def _outside_parts(paths: Sequence[Sequence[str]], roles: FolderRoles) -> Iterator[str]:
    outside = [path for path in paths if not roles.split(path)]
    if roles.split_at is not None and outside:
        named = sorted({path[roles.split_at] for path in paths if roles.split(path)})
        yield (f"{_images(len(outside))} outside the folders {_listed(named)}, for example {'/'.join(outside[0])!r}: "
               "classify counts labelled ones as train")


def _class_depths(paths: Sequence[Sequence[str]], roles: FolderRoles) -> Iterator[str]:
    """Class folders inside class folders, and class folders that look like patients."""
    inside = [path for path in paths if roles.split_at is None or roles.split(path)]
    labelled = [path for path in inside if roles.label(path) and not roles.class_above]
    depths = Counter(len(path) - (roles.split(path) is not None) for path in labelled)
    if len(depths) > 1:
        usual = depths.most_common(1)[0][0]
        odd = Counter("/".join(path[:-1]) for path in labelled if len(path) - (roles.split(path) is not None) != usual)
        place, n = odd.most_common(1)[0]
        yield (f"class folders stand at different depths: {place!r} ({_images(n, verb='')}) is the class "
               f"{place.rpartition('/')[2]!r}; if that is no class, move its images into the folder of theirs, or "
               "give --labels")
        return
    above = {(path[-3] if len(path) > 2 else "", path[-2]) for path in labelled}
    uppers, classes = {upper for upper, _ in above}, {label for _, label in above}
    numbered = sum(any(c.isdigit() for c in label) for label in classes)
    if 1 < len(uppers) < len(classes) == len(above) and numbered > _NUMBERED_SHARE * len(classes) and not (
            roles.split_at is not None and all(map(split_of, uppers))):
        yield (f"the {len(classes)} inner folders are the classes ({_listed(sorted(classes))}), not the folders "
               f"{_listed(sorted(uppers))} that hold them: if the inner ones are patients, give the classes with "
               "--labels")


def empty_class_folders(root: Path, names: Sequence[str]) -> list[str]:
    """Relative paths of folders without any image that stand beside a folder with images in it."""
    holding = {name.rpartition("/")[0] for name in names} - {""}
    above = {folder for name in names for folder in _ancestors(name)}
    empty = []
    for place in sorted({folder.rpartition("/")[0] for folder in holding}):
        with os.scandir(root / place) as entries:
            found = [entry.name for entry in entries
                     if not hidden(entry.name) and not entry.is_symlink() and entry.is_dir()]
        empty += [path for path in (f"{place}/{name}" if place else name for name in sorted(found))
                  if path not in above]
    return empty


def _ancestors(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def told_empty(empty: Sequence[str]) -> list[str]:
    """The line about folders without images, if there are any."""
    if not empty:
        return []
    what = "folder holds" if len(empty) == 1 else "folders hold"
    return [f"{len(empty)} {what} no image and {'is' if len(empty) == 1 else 'are'} no class: {_listed(empty)}"]


def _images(n: int, verb: str = " lies| lie") -> str:
    one, _, many = verb.partition("|")
    return f"1 image{one}" if n == 1 else f"{n} images{many or one}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
