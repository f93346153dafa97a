"""The sets of benchmarks/accuracy.py: where their images are, and the table that `featurize` makes of them."""
import hashlib
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from featurize.errors import UserError
from featurize.index.build import build_index
from featurize.presets.choose import choose_preset, sample_pictures
from featurize.presets.load import load_preset
from featurize.run import featurize
from featurize.runtime.files import replacing
from featurize.table import read_table


@dataclass(frozen=True)
class ImageSet:
    """A set of images that has a name.

    Parameters
    ----------
    place : str
        File or folder, relative to the folder of data.
    preset : str
    group_regex : str or None
        Finds the patient in the path.
    folds : int
        Where it has no split of its own.
    url : str
        A file that anybody may fetch; empty where a person has to.
    md5 : str
        Of that file, as its makers publish it; empty where they publish none.
    by_hand : str
        What to fetch, and where.
    """

    place: str
    preset: str
    group_regex: str | None = None
    folds: int = 5
    url: str = ""
    md5: str = ""
    by_hand: str = ""


_ZENODO = "https://zenodo.org/records/10519652/files"
# URL and MD5 of MedMNIST's own list, medmnist/info.py.
SETS = {
    "blood_28": ImageSet("blood_28/blood_28.npz", "cell"),
    "pneumonia_28": ImageSet("pneumonia_28/pneumoniamnist.npz", "xray"),
    "blood_pbc": ImageSet("blood_pbc", "cell"),
    "leukemia_cnmc": ImageSet("leukemia_cnmc", "cell", r"UID_([^_]+)_", folds=3),
    "bloodmnist": ImageSet("bloodmnist.npz", "cell", url=f"{_ZENODO}/bloodmnist.npz?download=1",
                           md5="7053d0359d879ad8a5505303e11de1dc"),
    "pneumoniamnist": ImageSet("pneumoniamnist.npz", "xray", url=f"{_ZENODO}/pneumoniamnist.npz?download=1",
                               md5="28209eda62fecd6e6a2d98b1501bb15f"),
    "acevedo": ImageSet("PBC_dataset_normal_DIB", "cell", by_hand="all 17,092 cells at full size: Mendeley Data "
                        "snkd93bnjr (10.17632/snkd93bnjr.1), unpacked, a folder a class"),
    "cnmc": ImageSet("C-NMC_training_data", "cell", r"UID_([^_]+)_", folds=3, by_hand="C-NMC 2019 of the Cancer "
                     "Imaging Archive (10.7937/tcia.2019.dc64i46r), its folds with the folders all and hem"),
    "all_stages": ImageSet("Original", "smear", by_hand="Acute Lymphoblastic Leukemia (ALL) image dataset of Kaggle "
                           "(10.34740/kaggle/dsv/2175623), with a login there: the folder Original")}


@dataclass(frozen=True)
class Found:
    """A set at hand: its name, and how its table is made."""

    name: str
    images: Path
    preset: str
    group_regex: str | None
    folds: int


def find(name: str, data: Path, fetch: bool = False) -> Found:
    """A named set, or a user's folder, archive or npz file.

    Parameters
    ----------
    name : str
        Of `SETS`, or a path.
    data : Path
        Folder of the named sets.
    fetch : bool
        Download a set that is not there, where that needs no login.

    Raises
    ------
    UserError
        It is not there (the message says what to fetch), or its content is not what its makers publish.
    """
    known = SETS.get(name)
    if known is None:
        if not Path(name).exists():
            raise UserError(f"{name} is no set that is known and no file or folder: give a path, or one of "
                            f"{', '.join(SETS)}")
        return Found(Path(name).stem, Path(name), "auto", None, 5)
    path = data / known.place
    if not path.exists():
        if not (known.url and fetch):
            raise UserError(f"{path} is not there: {_how_to_get(known)}")
        _download(known, path)
    if known.md5:
        _check(path, known.md5)
    return Found(name, path, known.preset, known.group_regex, known.folds)


def _how_to_get(known: ImageSet) -> str:
    if known.url:
        return f"add --fetch to download {known.url} (MD5 {known.md5}), or put it there"
    return f"fetch it by hand: {known.by_hand}" if known.by_hand else "--data names the folder that holds it"


def _download(known: ImageSet, path: Path) -> None:
    """Only called for --fetch. The file appears under its name when its hash is right."""
    print(f"downloading {known.url} to {path}", flush=True)
    with replacing(path, option="--data") as part:
        try:
            urllib.request.urlretrieve(known.url, part)
        except OSError as error:
            raise UserError(f"{known.url} cannot be downloaded ({error}): fetch it by hand and put it at "
                            f"{path}") from error
        _check(part, known.md5)


def _check(path: Path, md5: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != md5:
        raise UserError(f"{path.name} has the MD5 {found}, its makers publish {md5}: fetch it again")


def table_of(found: Found, tables: Path, jobs: int) -> Path:
    """`tables/<name>.parquet`, measured unless it is there.

    Raises
    ------
    UserError
        A table of that name is there and is of other images.
    """
    path = tables / f"{found.name}.parquet"
    if path.exists():
        roots = [Path(source["root"]).resolve() for source in read_table(path)[1].sources]
        if roots != [found.images.resolve()]:
            raise UserError(f"{path} is a table of {roots[0]}, not of {found.images}: give another folder with "
                            "--tables")
        return path
    index = build_index([found.images], group_regex=found.group_regex)
    preset = choose_preset(sample_pictures(index))[0] if found.preset == "auto" else found.preset
    tables.mkdir(parents=True, exist_ok=True)
    featurize(index, load_preset(preset), path, jobs=jobs, progress=True)
    return path
