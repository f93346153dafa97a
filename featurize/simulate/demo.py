"""Folders of synthetic images, as a laboratory would hand them over: patients, copies, a broken file."""
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from featurize.errors import UserError
from featurize.simulate.smears import ABROAD, HOME, KINDS, Laboratory, draw_cell

GROUP_REGEX = r"/(p\d+)_"
_SIZE_PX = 200


@dataclass(frozen=True)
class DemoFolders:
    """Where the images are: one labelled folder per kind of cell in each.

    Parameters
    ----------
    home : Path
        Patients p00, p01, ..., some pictures twice (once turned), one file cut short.
    abroad : Path
        Other patients, another stain, microscope and camera.
    """

    home: Path
    abroad: Path


def write_images(folder: Path, *, home: int = 192, abroad: int = 64, patients: int = 12) -> DemoFolders:
    """Draw the demo's images.

    Parameters
    ----------
    folder : Path
        Gets `home/<kind>/<patient>_<number>.jpg` and `abroad/...`; folders of an earlier demo are replaced.
    home, abroad : int
        Number of images drawn in each.
    patients : int
        In each.

    Raises
    ------
    UserError
        `folder` exists, holds something, and was not written by a demo.
    """
    mark = folder / ".pellucid-demo"
    if folder.is_dir() and any(folder.iterdir()) and not mark.exists():
        raise UserError(f"{folder} holds files that are not of the demo: give a new folder with -o")
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
    places = DemoFolders(folder / "home", folder / "abroad")
    for place in (places.home, places.abroad):
        shutil.rmtree(place, ignore_errors=True)
    _write_set(places.home, HOME, home, range(patients))
    _write_set(places.abroad, ABROAD, abroad, range(patients, 2 * patients))
    _spoil(places.home)
    return places


def _write_set(folder: Path, lab: Laboratory, count: int, patients: range) -> None:
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        # Every patient has every kind: neither can be told from the other.
        kind, patient = KINDS[number % len(KINDS)], patients[number // len(KINDS) % len(patients)]
        rgb = draw_cell(kind, number, _of_the_day(lab, number), patient, _doubt(number)).rgb
        Image.fromarray(rgb).save(folder / kind / f"p{patient:02d}_{number:03d}.jpg", quality=92)


def _of_the_day(lab: Laboratory, number: int) -> Laboratory:
    """Focus and dyes differ from slide to slide in one laboratory too."""
    rng = np.random.default_rng([number, 5])
    blur_px, strength = lab.blur_px * rng.uniform(.8, 2), lab.strength * rng.uniform(.8, 1.2)
    return replace(lab, size_px=_SIZE_PX, blur_px=blur_px, strength=strength)


def _doubt(number: int) -> float:
    """Half of the cells are as in an atlas; the others are more or less like another kind."""
    return float(max(np.random.default_rng([number, 6]).uniform(-.6, .6), 0))


def _spoil(home: Path) -> None:
    """What real folders hold: a copy under another name, a copy that was turned, a file cut short."""
    first, second, third = sorted((home / KINDS[0]).glob("*.jpg"))[:3]
    shutil.copy(first, first.with_name(f"{first.stem}_copy.jpg"))
    with Image.open(second) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(second.with_name(f"{second.stem}_turned.jpg"), quality=92)
    cut = third.read_bytes()
    third.with_name(f"{third.stem}_cut.jpg").write_bytes(cut[:len(cut) // 2])
