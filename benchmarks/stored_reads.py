"""What commands store, how the next command reads it, and one flipped bit in it."""
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from featurize.errors import UserError
from featurize.images.picture import ImageError

# Drawn cells of the small results.
IMAGES = 48


@dataclass(frozen=True)
class Kind:
    """Stored files of one kind, as paths relative to the folder of all results.

    Parameters
    ----------
    files : tuple of str
        Patterns of the files that are flipped.
    needs : tuple of str
        Files and folders that are read with them.
    read : callable
        Reads them in a folder, as the next command does, and gives a hash of the outcome.
    """

    files: tuple[str, ...]
    needs: tuple[str, ...]
    read: Callable[[Path], str]


def _digest(*parts: object) -> str:
    """A hash of plain data, arrays, tables and bytes."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, pd.DataFrame):
            part = part.to_csv()
        elif isinstance(part, np.ndarray):
            part = part.tobytes()
        total.update(part if isinstance(part, bytes) else repr(part).encode())
    return total.hexdigest()


def _files(folder: Path) -> str:
    """A hash of all files of a folder."""
    return _digest(*[part for path in sorted(folder.rglob("*")) if path.is_file()
                     for part in (path.relative_to(folder).as_posix(), path.read_bytes())])


def _table(name: str) -> Callable[[Path], str]:
    def read(place: Path) -> str:
        from featurize.table import read_perturbed, read_table
        frame, info = read_table(place / name)
        copies = read_perturbed(place / name, info)
        return _digest(frame, info, "none" if copies is None else copies)
    return read


def _run(place: Path) -> str:
    from classify.audit.examine import home_metrics
    from classify.audit.reporting import read_kept
    from classify.audit.run import held_out
    from classify.run_folder import STUDY, read_run
    from featurize.table import read_table
    metrics, found = home_metrics(place / "run/model"), read_run(place / "run")
    classes = tuple(metrics["classes"]) if metrics else ()
    own = held_out(place / "run/model", read_table(place / "t.parquet")[0], classes)
    return _digest(found.predictions, json.dumps(found.metrics), found.curves, json.dumps(metrics), own,
                   read_kept(place / "run" / STUDY))


def _model(place: Path) -> str:
    from classify.bundle import load_bundle
    from classify.predict import predict
    from featurize.table import read_table
    return _digest(predict(load_bundle(place / "run/model"), *read_table(place / "t.parquet")))


def _baseline(place: Path) -> str:
    from classify.monitor.baseline import read_baseline, to_json
    return _digest(json.dumps(to_json(read_baseline(place / "baseline.json"), place / "baseline.json")))


def _index(place: Path) -> str:
    from classify.similar.index import kept_index
    from featurize.table import read_table
    frame, info = read_table(place / "t.parquet")
    index = kept_index(place / "index", frame, info)
    return _digest(*index.nearest(frame, index.scale.z_scores(frame.iloc[[3]])[0], 5), index.usual_distance)


def _ecg(place: Path) -> str:
    from ecg.job import DigitizeSettings
    from ecg.run import digitize_pages
    digitize_pages([place / "pages", place / "records"], place / "ecg", DigitizeSettings(), jobs=1)
    return _files(place / "ecg")


def _detect(place: Path) -> str:
    from featurize.detect.run import detect_fields
    detect_fields([place / "fields"], place / "detect", jobs=1)
    return _files(place / "detect")


KINDS = {
    "table": Kind(("t.parquet", "t.perturbed.parquet"), ("t.parquet", "t.perturbed.parquet"), _table("t.parquet")),
    "csv table": Kind(("t.csv", "t.csv.json"), ("t.csv", "t.csv.json"), _table("t.csv")),
    "model": Kind(("run/model/*",), ("run", "t.parquet"), _model),
    "run folder": Kind(("run/predictions.csv", "run/metrics.json", "run/curves.csv", "run/study.json"),
                       ("run", "t.parquet"), _run),
    "baseline": Kind(("baseline.json",), ("baseline.json",), _baseline),
    "kept index": Kind(("index/*",), ("index", "t.parquet"), _index),
    "ecg": Kind(("ecg/**/*",), ("ecg", "pages", "records"), _ecg),
    "detect": Kind(("detect/**/*",), ("detect", "fields"), _detect)}


def make_all(place: Path) -> None:
    """Run the commands and functions that store files into a folder."""
    from ecg.simulate.draw import draw_page
    from ecg.simulate.heart import heartbeats
    from featurize.simulate.demo import write_images
    from featurize.simulate.fields import draw_field
    images = write_images(place / "cells", home=IMAGES, abroad=8, patients=8).home
    (place / "study.toml").write_text('users = "pathologists"\nlimits = "drawn cells"\n')
    table, run = place / "t.parquet", place / "run"
    for words in (["featurize", images, "-o", table, "--preset", "cell", "--group-regex", r"(p\d+)_"],
                  ["featurize", images, "-o", place / "t.csv", "--preset", "cell", "--reuse", table],
                  ["classify", table, "-o", run, "--folds", "2", "--study", place / "study.toml"],
                  ["audit", run, table, "--baseline", place / "baseline.json"]):
        subprocess.run([sys.executable, "cli.py", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
    for folder in ("pages", "records", "fields"):
        (place / folder).mkdir()
    page, truth = draw_page(heartbeats(0))
    Image.fromarray(page).save(place / "pages" / "page.png")
    truth.to_csv(place / "records" / "record.csv", index=False)
    Image.fromarray(draw_field(3).rgb).save(place / "fields" / "field.png")
    for read in (_index, _ecg, _detect):
        read(place)


@lru_cache(maxsize=None)
def _own_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process: some files hold the path of their folder, which must be the same each time."""
    return tempfile.TemporaryDirectory()


def _copied(kind: Kind, place: Path) -> Path:
    folder = Path(_own_folder().name) / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in kind.needs:
        (shutil.copytree if (place / name).is_dir() else shutil.copy2)(place / name, folder / name)
    return folder


@lru_cache(maxsize=None)
def whole_outcome(name: str, place: Path) -> str:
    """The outcome of undamaged files."""
    return KINDS[name].read(_copied(KINDS[name], place))


def one_flip(job: tuple[str, str, Path, int]) -> tuple[str, str]:
    """Flip a bit of a copy and read it.

    Parameters
    ----------
    job : (str, str, Path, int)
        Kind, file, folder of all results, seed.

    Returns
    -------
    outcome : str
        the same, refused, other or crash.
    details : str
        Of the last two.
    """
    name, file, place, seed = job
    whole = whole_outcome(name, place)
    copy = _copied(KINDS[name], place)
    content, random = bytearray((copy / file).read_bytes()), np.random.default_rng([seed, *file.encode()])
    bit = int(random.integers(8 * len(content)))
    content[bit // 8] ^= 1 << bit % 8
    (copy / file).write_bytes(bytes(content))
    near = f"byte {bit // 8}, {bytes(content[max(bit // 8 - 20, 0):bit // 8 + 20])!r}"
    try:
        return ("the same", "") if KINDS[name].read(copy) == whole else ("other", near)
    except (UserError, ImageError) as error:
        return ("crash", f"several lines: {error}") if "\n" in str(error) else ("refused", "")
    # What must not get through, of whatever type, is what is counted here.
    except Exception as error:
        return "crash", f"{near}: {type(error).__name__}: {error}"
