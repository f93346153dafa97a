"""Whole files of every further kind that is read, each with the function that meets it first, and damage done to them.

`benchmarks.hostile` damages them by seed, `benchmarks.fuzz` by what atheris finds.
"""
import base64
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from benchmarks.hostile_files import damaged
from featurize.errors import UserError

_CLASSES = ("ant", "bee")
_SAMPLES = 600
# What takes the place of a number or a word in text.
_ODD = ("-1", "0", "1e999", "nan", "inf", "99999999999999999999", "1e-320", "", "\0", "\ufeff", "\x1b[2J", "\r",
        '"', "'", "[", "{", "]", "=1+1", "<script>", "../../x", "x" * 3000, "true", "None", "é", "\n\n", ",,,,", "0x1",
        "1_0")


@dataclass(frozen=True)
class SmallFile:
    """A kind of file.

    Parameters
    ----------
    name : str
        What the file is called: readers look at endings.
    whole : callable
        A whole one.
    read : callable
        Reads it from a path; `UserError`, `ImageError` and `RecordError` are refusals.
    """

    name: str
    whole: Callable[[], bytes]
    read: Callable[[Path], object]


def odd(content: bytes, seed: int) -> bytes:
    """Flipped bits or a cut, or numbers and words of a text that are replaced, lines that are doubled or lost."""
    random = np.random.default_rng(seed)
    if seed % 2:
        return damaged(content, seed)
    text = content.decode("latin-1")
    for _ in range(random.integers(1, 4)):
        lines = text.split("\n")
        at = int(random.integers(len(lines)))
        how = random.integers(6)
        if how == 0 and len(lines) > 1:
            text = "\n".join(lines[:at] + lines[at + 1:])
        elif how == 1:
            text = "\n".join(lines[:at] + [lines[at]] * 2 + lines[at + 1:])
        else:
            words = list(re.finditer(r"[\w.+-]+", text)) or list(re.finditer(r"^", text))
            one = words[random.integers(len(words))]
            text = text[:one.start()] + _ODD[random.integers(len(_ODD))] + text[one.end():]
    return text.encode("utf-8" if seed % 4 else "utf-16", "replace")


def _text(*lines: str) -> Callable[[], bytes]:
    return lambda: ("\n".join(lines) + "\n").encode()


def _mv() -> np.ndarray:
    return np.round(np.sin(np.arange(_SAMPLES) / 30 + np.arange(12)[:, None]), 3)


def _aecg() -> bytes:
    rows = "".join(f'<component><sequence><code code="MDC_ECG_LEAD_{lead}"/><value><origin value="0" unit="uV"/>'
                   f'<scale value="5" unit="uV"/><digits>{" ".join(str(int(200 * v)) for v in row)}</digits></value>'
                   "</sequence></component>" for lead, row in zip(("I", "II"), _mv()))
    return ('<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3"><component><series><component><sequenceSet>'
            '<component><sequence><code code="TIME_ABSOLUTE"/><value><head value="2020"/><increment value="2" '
            f'unit="ms"/></value></sequence></component>{rows}</sequenceSet></component></series></component>'
            "</AnnotatedECG>").encode()


def _muse() -> bytes:
    leads = "".join(f"<LeadData><LeadID>{lead}</LeadID><LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit>"
                    "<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><WaveFormData>"
                    f"{base64.b64encode((200 * row).astype('<i2').tobytes()).decode()}</WaveFormData></LeadData>"
                    for lead, row in zip(("I", "II", "V1"), _mv()))
    return ('<?xml version="1.0"?><RestingECG><Waveform><WaveformType>Rhythm</WaveformType>'
            f"<SampleBase>500</SampleBase><SampleExponent>0</SampleExponent>{leads}</Waveform></RestingECG>").encode()


def _philips() -> bytes:
    data = b"".join(map(_xli, (200 * _mv()).astype(int)))
    leads = " ".join(("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"))
    return ('<?xml version="1.0"?><restingecgdata xmlns="http://www3.medical.philips.com"><documentinfo><documenttype>'
            "PhilipsECG</documenttype><documentversion>1.04</documentversion></documentinfo><dataacquisition>"
            "<signalcharacteristics><samplingrate>500</samplingrate><resolution>5</resolution></signalcharacteristics>"
            '</dataacquisition><waveforms><parsedwaveforms dataencoding="Base64" compression="XLI" numberofleads="12" '
            f'leadlabels="{leads}" durationperchannel="1200">'
            f"{base64.b64encode(data).decode()}</parsedwaveforms></waveforms></restingecgdata>").encode()


def _xli(row: np.ndarray) -> bytes:
    """A lead as second differences, LZW with codes of 10 bits and without repeated strings: every byte is a code."""
    second = row[2:] - 2 * row[1:-1] + row[:-2]
    words = np.concatenate([row[:2], 64 - second[1:], [0]]).astype("<i2").view(np.uint16)
    codes = "".join(f"{code:010b}" for code in np.concatenate([words >> 8, words & 255]).tolist())
    packed = int(codes, 2).to_bytes(len(codes) // 8, "big")
    return len(packed).to_bytes(4, "little") + b"\0\0" + int(-second[0]).to_bytes(2, "little", signed=True) + packed


def _edf() -> bytes:
    import edfio
    buffer = io.BytesIO()
    edfio.Edf([edfio.EdfSignal(np.tile(row, 2)[:1000], 500, label=lead, physical_dimension="mV", physical_range=(-2, 2))
               for lead, row in zip(("I", "II"), _mv())]).write(buffer)
    return buffer.getvalue()


def _dicom_ecg() -> bytes:
    from ecg.export.dicom import dicom_ecg
    return dicom_ecg(_mv()[:2], ("I", "II"), 500, "a")


def _record(path: Path) -> object:
    from ecg.signals.records import holds_record, read_record
    holds_record(path)
    return read_record(path, 500)


@lru_cache(maxsize=None)
def _page() -> np.ndarray:
    from ecg.simulate.draw import Style, draw_page
    from ecg.simulate.heart import heartbeats
    return draw_page(heartbeats(1), Style(layout="1x1", px_per_mm=5))[0]


def _painted_page(path: Path) -> object:
    """A drawn page with rectangles: each 7 bytes of the file are place, size and color of one."""
    from ecg.digitize import digitize
    page, numbers = _page().copy(), np.frombuffer(path.read_bytes(), np.uint8)
    height, width = page.shape[:2]
    for left, top, wide, high, *color in numbers[:len(numbers) // 7 * 7].reshape(-1, 7).tolist():
        x, y = left * width // 256, top * height // 256
        page[y:y + 1 + high * height // 512, x:x + 1 + wide * width // 512] = color
    return digitize(cv2.imencode(".png", page[..., ::-1])[1].tobytes())


def _mask_npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.eye(9, dtype=np.int32))
    return buffer.getvalue()


def _nifti() -> bytes:
    import nibabel
    return bytes(nibabel.Nifti1Image(np.eye(9, dtype=np.int16), np.eye(4)).to_bytes())


def _pdf() -> bytes:
    from PIL import Image
    buffer = io.BytesIO()
    Image.fromarray(np.full((100, 120, 3), 250, np.uint8)).save(buffer, "PDF")
    return buffer.getvalue()


def _read_pdf(path: Path) -> object:
    from ecg.page.pdf import page_count
    from ecg.page.read import read_page
    page_count(path)
    return read_page(path)


def _facts(path: Path) -> object:
    from ecg.result import PageFacts
    try:
        return PageFacts.from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        # The run that meets it makes it anew.
        raise UserError("no facts") from error


def _baseline() -> bytes:
    rows = {"predicted": [0, 1], "probability": [.9, .8], "novelty": [.1, .2], "review": [[], ["unsure"]]}
    return json.dumps({"program": "pellucid", "kind": "monitoring baseline", "format": 1,
                       "model": {"path": "run", "sha256": "0" * 64},
                       "classes": list(_CLASSES), "images": 2, "learned": 0, "seed": 0, "grouped": False,
                       "unit": [0, 1], "answers": rows, "measurements": {"cell_a": [1.0, None]},
                       "picture": {"q": [1.0, 2.0]}}).encode()


def _reader(module: str, name: str, *more: object) -> Callable[[Path], object]:
    """A function that is imported when it is first called."""
    def read(path: Path) -> object:
        from importlib import import_module
        return getattr(import_module(module), name)(path, *more)
    return read


def _settings(path: Path) -> object:
    from featurize.presets.load import load_preset
    return load_preset("cell", path)


def _lineage(path: Path) -> object:
    from classify.data.lineage import read_lineage
    return read_lineage(str(path), _CLASSES)


def _words(path: Path) -> object:
    from classify.data.expert_words import read_words
    return read_words(path, pd.DataFrame({"path": [f"{i}.png" for i in range(40)], "site": "", "label": "ant"}))


def _word_lines() -> bytes:
    rows = [f"{i}.png,{('round', 'oval')[i % 2]},{('red', 'blue')[i // 2 % 2]}" for i in range(40)]
    return "\n".join(["path,shape,color", *rows, ""]).encode()


def _page_facts() -> bytes:
    from ecg.result import LeadFacts, PageFacts
    from ecg.scale import Scale
    return PageFacts(500.0, Scale(7.9, 8.0), 10.0, 10.0, 25.0, "3x4", 0.5, {"I": LeadFacts(.9, [(1.0, 1.5)])}, None,
                     75.0, ["gray"], "a.png", "k", "s", {"heart_rr_rate_bpm": 75.0}).to_json().encode()


SETTINGS = {
    "corrections": SmallFile("p.csv", _text("page,lead,x,y,action", "a.png,II,10,20,pin", "a.png,V1,5,,cut"),
                             _reader("ecg.trace.corrections", "read_points")),
    "corners": SmallFile("c.csv", _text("page,x,y", "a.png,1,2", "a.png,900,3", "a.png,890,700", "a.png,4,710"),
                         _reader("ecg.page.corners", "read_corners")),
    "study.toml": SmallFile("study.toml", _text('users = "pathologists"', 'limits = "drawn cells"', 'title = "A\\"b"'),
                            _reader("classify.crosswalk.study", "read_study")),
    "study.json": SmallFile("study.json", lambda: b'{"users": "pathologists", "limits": "drawn"}',
                            _reader("classify.crosswalk.study", "read_kept")),
    "settings": SmallFile("s.toml", _text('normalize = "none"', "[blocks.color]", "bins = 8", "[blocks.lbp]",
                                          "radii = [1, 2]"), _settings),
    "lineage": SmallFile("l.toml", _text('insects = ["ant"]', "[others]", 'flying = ["bee"]'), _lineage),
    "costs": SmallFile("k.csv", _text(",ant,bee", "ant,0,1", "bee,10,0"),
                       _reader("classify.data.costs", "read_costs", _CLASSES)),
    "words": SmallFile("w.csv", _word_lines, _words),
    "baseline": SmallFile("b.json", _baseline, _reader("classify.monitor.baseline", "read_baseline")),
    "token": SmallFile("t.txt", lambda: b"0123456789abcdef0123\n", _reader("classify.serve.settings", "read_token")),
    "page facts": SmallFile("a.json", _page_facts, _facts),
    "marks": SmallFile("m.json", lambda: b'{"stems": {"a.png": "a"}}',
                       _reader("featurize.runtime.stems", "read_stems"))}
RECORDS = {
    "aECG": SmallFile("a.xml", _aecg, _record), "MUSE": SmallFile("m.xml", _muse, _record),
    "Philips": SmallFile("p.xml", _philips, _record), "EDF": SmallFile("e.edf", _edf, _record),
    "DICOM ECG": SmallFile("d.dcm", _dicom_ecg, _record)}
OTHERS = {
    "PDF": SmallFile("p.pdf", _pdf, _read_pdf),
    "numpy mask": SmallFile("m.npy", _mask_npy, _reader("featurize.batch.mask_files", "read_mask")),
    "NIfTI mask": SmallFile("m.nii", _nifti, _reader("featurize.batch.mask_files", "read_mask"))}
PAGES = {"painted ECG page": SmallFile("page.bin", lambda: bytes(range(70, 140)), _painted_page)}
# Kinds as `benchmarks.hostile` counts them.
SMALL = {"settings and corrections": SETTINGS, "records of other formats": RECORDS, "PDF and masks": OTHERS,
         "painted ECG pages": PAGES}
