"""One hostile file of a kind and a seed: made, read, and what came of it."""
import io
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.hostile_files import COLOR, MAKERS, by_pillow, damaged
from benchmarks.hostile_models import tampered_model
from benchmarks.hostile_small import SMALL, odd
from classify.bundle import load_bundle
from classify.predict import predict
from ecg.signals.raw_record import RecordError
from ecg.signals.records import read_record
from featurize.errors import UserError
from featurize.images.picture import ImageError
from featurize.images.read import read_image
from featurize.index.build import build_index
from featurize.index.sheets import read_sheet
from featurize.index.sources import load
from featurize.table import read_table

# A file that takes longer counts as a hang: seconds of the processor, and of the clock, for the machine may be busy.
SLOW_S = 20.0
_WAITING_S = 300.0
# Longest message that is one line for people, characters.
_LONGEST_MESSAGE = 1500
GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden"
MODELS = ("model_v1", "model_v2_ordinal", "model_v6", "model_v6_binary")
# Image formats whose files carry a checksum of their pixels.
_CHECKED_IMAGES = ("png", "png palette", "png 16 bit")


def one_file(job: tuple[str, int]) -> tuple[str, str]:
    """Make the file of a kind and a seed, read it; outcome and details.

    Returns
    -------
    outcome : str
        read, refused, crash, hang, long message or misread.
    details : str
        Of the last four.
    """
    kind, seed = job
    with tempfile.TemporaryDirectory() as folder:
        start, worked = time.monotonic(), time.process_time()
        try:
            misread = _READERS[kind](seed, Path(folder))
            outcome, details = ("misread", misread) if misread else ("read", "")
        except (ImageError, UserError, RecordError) as error:
            one_line = "\n" not in str(error) and len(str(error)) <= _LONGEST_MESSAGE
            outcome, details = ("refused", "") if one_line else ("long message", str(error))
        # What must not get through, of whatever type, is what is counted here.
        except Exception as error:
            outcome, details = "crash", f"{type(error).__name__}: {error}"
        worked, waited = time.process_time() - worked, time.monotonic() - start
        if worked > SLOW_S or waited > _WAITING_S:
            outcome, details = "hang", f"{worked:.0f} s of the processor, {waited:.0f} s in all, then {outcome}"
    return outcome, details


@lru_cache(maxsize=None)
def _whole_image(kind: str) -> tuple[bytes, np.ndarray]:
    content = MAKERS[kind]()
    return content, read_image(content).rgb


def _image(seed: int, folder: Path) -> str:
    kind = list(MAKERS)[seed % len(MAKERS)]
    whole, rgb = _whole_image(kind)
    content = damaged(whole, seed)
    read = read_image(content).rgb
    was_cut = len(content) < len(whole)
    differs = read.shape != rgb.shape or not np.array_equal(read, rgb)
    return f"{kind}: other pixels" if differs and (was_cut or kind in _CHECKED_IMAGES) else ""


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _npz(seed: int, folder: Path) -> str:
    """One array is damaged, or the whole archive."""
    members = {"images": _npy(np.stack([COLOR] * 3)), "labels": _npy(np.array(["ant", "bee", "ant"]))}
    hit = ("images", "labels", "")[seed % 3]
    if hit:
        members[hit] = damaged(members[hit][:128], seed) + members[hit][128:]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    (folder / "set.npz").write_bytes(buffer.getvalue() if hit else damaged(buffer.getvalue(), seed))
    index = build_index(folder / "set.npz", cache=folder / "cache")
    pictures = [load(index.sources[0], path).rgb for path in index.frame["path"]]
    return "" if hit or all(np.array_equal(rgb, COLOR) for rgb in pictures) else "other pictures"


_NAMES = ("a/1.png", "a/2.png", "b/3.png", "../out.png", "/abs.png", "a\\..\\..\\up.png", "C:/x.png", "a/\x1b[2J.png",
          "a/new\nline.png", "a/<script>.png", "a/=1+1.png", "a/" + "long" * 80 + ".png", "a/2.png")


def _zip(seed: int, folder: Path) -> str:
    random, buffer = np.random.default_rng(seed), io.BytesIO()
    names = ["a/1.png", "b/2.png", *(() if seed % 2 else random.choice(_NAMES, 2).tolist())]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name in dict.fromkeys(names):
            file.writestr(name, by_pillow("PNG"))
    (folder / "set.zip").write_bytes(damaged(buffer.getvalue(), seed) if seed % 2 else buffer.getvalue())
    index = build_index(folder / "set.zip", cache=folder / "cache")
    pictures = [load(index.sources[0], path).rgb for path in index.frame["path"]]
    outside = [path for path in folder.iterdir() if path.name not in ("set.zip", "cache")]
    if outside:
        return f"written outside: {outside[0].name}"
    return "" if all(np.array_equal(rgb, COLOR) for rgb in pictures) else "other pictures"


_CELLS = ("=1+1", "\x1b[31m", "<script>", "a\"b", "a,b", "\udcff", "", "nan", "1e999", "\0", "x" * 5000, "é", "|", "\r")


def _csv(seed: int, folder: Path) -> str:
    random = np.random.default_rng(seed)
    for label in "ab":
        (folder / "in" / label).mkdir(parents=True)
        (folder / "in" / label / "1.png").write_bytes(by_pillow("PNG"))
    cells = [str(cell) for cell in random.choice(_CELLS, 3)]
    text = ",".join(["path", "label", "patient"]) + f"\na/1.png,{cells[0]},{cells[1]}\nb/1.png,{cells[2]},p\n"
    content = text.encode("utf-8", "surrogateescape")
    (folder / "l.csv").write_bytes(content if seed % 3 == 0 else damaged(content, seed))
    sheet = read_sheet(folder / "l.csv")
    build_index(folder / "in", labels=folder / "l.csv", label_columns=list(sheet.cells.columns[1:2]))
    return ""


@lru_cache(maxsize=None)
def _whole_record() -> tuple[bytes, bytes, np.ndarray]:
    import wfdb
    time_s = np.arange(2500) / 500
    with tempfile.TemporaryDirectory() as folder:
        wfdb.wrsamp("r", fs=500, units=["mV"], sig_name=["II"], fmt=["16"], write_dir=folder,
                    p_signal=np.sin(7 * time_s)[:, None] * np.exp(-time_s / 9)[:, None])
        place = Path(folder)
        return (place / "r.hea").read_bytes(), (place / "r.dat").read_bytes(), read_record(place / "r.hea", 500).mv


def _sum_of(samples: bytes) -> int:
    """The checksum of a header: the sum of 16-bit samples in 16 bits."""
    return int(np.frombuffer(samples, "<i2").sum(dtype=np.int64)) % 2 ** 16


def _wfdb(seed: int, folder: Path) -> str:
    header, samples, mv = _whole_record()
    of_header = seed % 2 == 0
    (folder / "r.hea").write_bytes(damaged(header, seed) if of_header else header)
    content = samples if of_header else damaged(samples, seed)
    (folder / "r.dat").write_bytes(content)
    read = read_record(folder / "r.hea", 500).mv
    # A checksum of 16 bits is the same for flips that take each other back.
    same_sum = len(content) == len(samples) and _sum_of(content) == _sum_of(samples)
    return "" if of_header or np.array_equal(read, mv) or same_sum else "other samples"


def _signals(seed: int, folder: Path) -> str:
    rows = np.round(np.sin(np.arange(600)[:, None] / 30 + np.arange(3)), 3)
    text = "I,II,III\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    (folder / "r.csv").write_bytes(damaged(text.encode(), seed))
    read_record(folder / "r.csv", 500)
    return ""


def _table(seed: int, folder: Path) -> str:
    source = GOLDEN / MODELS[seed % len(MODELS)] / "table.parquet"
    (folder / "t.parquet").write_bytes(damaged(source.read_bytes(), seed))
    frame, info = read_table(folder / "t.parquet")
    whole, whole_info = read_table(source)
    return "" if frame.equals(whole) and info == whole_info else "another table"


def _model(seed: int, folder: Path) -> str:
    name = MODELS[seed % len(MODELS)]
    what = tampered_model(GOLDEN / name / "model", folder / "model", seed)
    frame, info = read_table(GOLDEN / name / "table.parquet")
    found = predict(load_bundle(folder / "model"), frame, info)
    p = found[[column for column in found if column.startswith("p_")]].to_numpy()
    return "" if np.isfinite(p).all() and np.allclose(p.sum(axis=1), 1) else f"{name}, {what}: no probabilities"


def _small(kind: str) -> Callable[[int, Path], str]:
    def read(seed: int, folder: Path) -> str:
        files = SMALL[kind]
        one = list(files.values())[seed % len(files)]
        (folder / one.name).write_bytes(odd(one.whole(), seed // len(files)))
        one.read(folder / one.name)
        return ""
    return read


_READERS: dict[str, Callable[[int, Path], str]] = {
    "images": _image, "npz": _npz, "zip": _zip, "csv labels": _csv, "WFDB": _wfdb, "csv signals": _signals,
    "tables": _table, "models": _model, **{kind: _small(kind) for kind in SMALL}}
