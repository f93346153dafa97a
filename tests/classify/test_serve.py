"""What a server answers: the same as `predict` and `similar`, to the digit, and nothing of what callers name things."""
import base64
import io
import json
import re
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from started import minds_ctrl_c

pytest.importorskip("fastapi", reason="extra serve")
from starlette.testclient import TestClient  # noqa: E402

from classify.bundle import load_bundle, save_bundle  # noqa: E402
from classify.evaluate.explain import to_predicted  # noqa: E402
from classify.fitting import models  # noqa: E402
from classify.predict import predict  # noqa: E402
from classify.serve.app import make_app  # noqa: E402
from classify.serve.model import ModelKey, key_of, load_served  # noqa: E402
from classify.serve.page import shown_answer, shown_classes  # noqa: E402
from classify.serve.result import Answer, NearCase  # noqa: E402
from classify.serve.settings import ServeSettings  # noqa: E402
from classify.settings import TrainSettings  # noqa: E402
from classify.similar.search import search_several  # noqa: E402
from classify.train import train  # noqa: E402
from featurize.errors import UserError  # noqa: E402
from featurize.index.build import build_index  # noqa: E402
from featurize.presets.load import load_preset  # noqa: E402
from featurize.run import featurize, measure_index  # noqa: E402
from featurize.simulate.smears import draw_cell  # noqa: E402
from featurize.table import read_table  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run_folder(cell_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table and the run trained on it."""
    folder = tmp_path_factory.mktemp("served")
    featurize(build_index([cell_folder], group_regex=r"(p\d+)_"), load_preset("cell"), folder / "t.parquet", jobs=1)
    train(*read_table(folder / "t.parquet"), folder / "run", TrainSettings(folds=2, resamples=10))
    return folder


@pytest.fixture(scope="module")
def client(run_folder: Path) -> Iterator[TestClient]:
    settings = ServeSettings(run_folder / "run", jobs=1, table=run_folder / "t.parquet", most_mb=1, limit_s=120)
    with TestClient(make_app(settings, key_of(settings), load_bundle(settings.run)), "http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="module")
def new_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cells that the model has not seen, one with nothing in it."""
    folder = tmp_path_factory.mktemp("new")
    for seed, kind in ((91, "neutrophil"), (92, "lymphocyte")):
        Image.fromarray(draw_cell(kind, seed).rgb).save(folder / f"{kind}.png")
    Image.new("RGB", (90, 70), "white").save(folder / "blank.png")
    return folder


def png(rgb: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()


CELL = png(draw_cell("eosinophil", 77).rgb)


def sent(data: bytes, name: str = "a.png") -> dict[str, tuple[str, bytes]]:
    return {"image": (name, data)}


def test_answers_are_the_rows_of_predict(client: TestClient, run_folder: Path, new_cells: Path) -> None:
    frame, info, _ = measure_index(build_index([new_cells]), load_preset("cell"), jobs=1)
    bundle = load_bundle(run_folder / "run")
    rows = pd.concat([predict(bundle, frame.iloc[[at]], info) for at in range(len(frame))]).set_index("path")
    assert len(rows) == 3
    for path, row in rows.iterrows():
        answer = client.post("/predict", files=sent((new_cells / str(path)).read_bytes())).json()
        assert answer["predicted"] == row["predicted"] and answer["novelty"] == row["novelty"]
        assert answer["probabilities"] == {c: row[f"p_{c}"] for c in bundle.classes}
        assert "|".join(answer["prediction_set"]) == row["prediction_set"]
        assert "|".join(reason["word"] for reason in answer["review_reasons"]) == row["review_reason"]
        assert answer["review"] == row["review"] and answer["trained_on"] == row["trained_on"]
        assert answer["sha256"] == frame.set_index("path")["sha256"][path]
    assert {"several cells", "nothing found"} & set(rows.loc["blank.png", "review_reason"].split("|"))


def test_a_training_image_is_known(client: TestClient, cell_folder: Path) -> None:
    answer = client.post("/predict", files=sent((cell_folder / "monocyte/p0_02.png").read_bytes())).json()
    assert answer["trained_on"] is True


def test_the_contributions_add_up_to_the_margin(client: TestClient, run_folder: Path, new_cells: Path) -> None:
    frame, _, _ = measure_index(build_index([new_cells]), load_preset("cell"), jobs=1)
    model = load_bundle(run_folder / "run").model
    row = frame[frame["path"] == "neutrophil.png"]
    answer = client.post("/predict", files=sent((new_cells / "neutrophil.png").read_bytes())).json()
    chosen = np.array([list(answer["probabilities"]).index(answer["predicted"])])
    x = pd.DataFrame(row[list(model.features)].to_numpy(np.float32), columns=list(model.features))
    own = to_predicted(models.contributions(model, x), chosen)[0, :-1]
    told = sum(c["contribution"] for c in answer["attribution"]) + answer["other_contributions"]
    assert told == pytest.approx(own.astype(float).sum(), abs=1e-5) and answer["attribution"]
    for one in answer["attribution"]:
        assert one["name"] and one["column"] in model.features and (one["text"] == "") == (one["measurements"] > 1)
        if one["value"] is not None:
            assert one["value"] == row[one["column"]].iloc[0]


def test_nearest_cases_are_those_of_similar(client: TestClient, run_folder: Path, new_cells: Path) -> None:
    frame, info, _ = measure_index(build_index([new_cells]), load_preset("cell"), jobs=1)
    found = search_several(*read_table(run_folder / "t.parquet"), frame[frame["path"] == "lymphocyte.png"], 4,
                           info).images[0]
    nearest = client.post("/predict", files=sent((new_cells / "lymphocyte.png").read_bytes())).json()["nearest"]
    assert [case["image_id"] for case in nearest] == found.frame["image_id"].iloc[found.neighbors].tolist()
    assert [case["distance"] for case in nearest] == found.distances[found.neighbors].tolist()


def test_the_overlay_shows_the_outlines_on_the_image(client: TestClient) -> None:
    overlay = client.post("/overlay", files=sent(CELL))
    assert overlay.headers["content-type"] == "image/png"
    drawn, given = np.asarray(Image.open(io.BytesIO(overlay.content))), draw_cell("eosinophil", 77).rgb
    changed = (drawn != given).any(axis=2)
    assert drawn.shape == given.shape and .01 < changed.mean() < .2
    answer = client.post("/predict", files=sent(CELL), data={"overlay": "true"}).json()
    assert base64.b64decode(answer["overlay_png"]) == overlay.content
    assert client.post("/predict", files=sent(CELL)).json()["overlay_png"] is None


def test_a_batch_is_answered_in_its_order(client: TestClient) -> None:
    other = png(draw_cell("monocyte", 78).rgb)
    said = client.post("/predict/batch", files=[("images", ("a", CELL)), ("images", ("b", b"text")),
                                                ("images", ("a", other))]).json()["answers"]
    assert [one.get("sha256") for one in said] == [client.post("/predict", files=sent(d)).json().get("sha256")
                                                   for d in (CELL, b"text", other)]
    assert said[1]["reason"] == "not_an_image" and set(said[1]) == {"error", "reason"}
    many = client.post("/predict/batch", files=[("images", ("a", CELL))] * 33)
    assert many.status_code == 413 and many.json()["error"] == "33 images came, at most 32 are taken at a time"


def test_dicom_is_read_as_the_same_picture(client: TestClient) -> None:
    pydicom = pytest.importorskip("pydicom", reason="extra dicom")
    rgb = draw_cell("eosinophil", 77).rgb
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data = pydicom.dataset.FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns, data.SamplesPerPixel, data.PlanarConfiguration = *rgb.shape[:2], 3, 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation, data.PhotometricInterpretation = 7, 0, "RGB"
    data.PatientName = "Doe^Jane"
    data.PixelData = rgb.tobytes()
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=False)
    first, second = (client.post("/predict", files=sent(d)) for d in (CELL, file.getvalue()))
    assert first.json()["probabilities"] == second.json()["probabilities"] and "Jane" not in second.text


def bomb() -> bytes:
    """A PNG whose header says 30000 x 30000."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + CELL[33:]


@pytest.mark.parametrize(("data", "status", "reason"), [
    (b"", 422, "empty"), (b"hello", 422, "not_an_image"), (b"<script>alert(1)</script>", 422, "not_an_image"),
    (CELL[:len(CELL) // 2], 422, "truncated"), (bomb(), 413, "too_large"), (b"\0" * 2_000_000, 413, "too_large"),
    (b"\xff\xd8\xff" + b"\0" * 99, 422, "damaged"), (b"II*\0" + b"\xff" * 60, 422, "truncated")],
    ids=["empty", "text", "html", "half", "bomb", "large", "jpeg", "tiff"])
@pytest.mark.parametrize("place", ["/predict", "/overlay", "/page/answer"])
def test_what_is_no_image_is_refused_by_name(place: str, data: bytes, status: int, reason: str,
                                             client: TestClient) -> None:
    refused = client.post(place, files=sent(data))
    assert (refused.status_code, refused.json()["reason"]) == (status, reason)
    assert set(refused.json()) == {"error", "reason"} and "\n" not in refused.json()["error"]
    assert refused.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["x" * 3_000 + ".png", "../../../etc/passwd", "/etc/passwd", "C:\\cell.png",
                                  "<script>alert(1)</script>.png", "a\"; filename=\"b.png", "\u202egnp.exe", "=1+1"],
                         ids=lambda name: name[:12].encode("unicode_escape").decode())
def test_names_of_files_change_nothing(name: str, client: TestClient) -> None:
    plain, page = client.post("/predict", files=sent(CELL)), client.post("/page/answer", files=sent(CELL))
    assert client.post("/predict", files=sent(CELL, name)).json() == plain.json()
    assert client.post("/page/answer", files=sent(CELL, name)).text == page.text
    assert "script" not in page.text


def test_a_name_of_10000_characters_is_refused(client: TestClient) -> None:
    refused = client.post("/predict", files=sent(CELL, "x" * 10_000))
    assert refused.status_code == 400 and refused.json() == {"error": "Invalid multipart data.", "reason": "wrong_call"}


@pytest.mark.parametrize("call", [
    {"files": {"picture": ("a.png", CELL)}}, {"data": {"image": "/etc/passwd"}}, {"content": CELL}, {"json": {}}, {},
    {"content": b"--b\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
    {"content": CELL, "headers": {"Content-Type": "multipart/form-data"}}],
    ids=["field", "path", "bytes", "json", "nothing", "cut", "boundary"])
@pytest.mark.parametrize("place", ["/predict", "/predict/batch"])
def test_a_form_without_the_file_is_one_line(place: str, call: dict[str, Any], client: TestClient) -> None:
    refused = client.post(place, **call)
    assert refused.status_code in (400, 422) and refused.json()["reason"] == "wrong_call"


def test_the_page_loads_nothing_and_names_no_file(client: TestClient) -> None:
    page, part = client.get("/"), client.post("/page/answer", files=sent(CELL)).text
    nonce, = re.findall("script-src 'nonce-([^']+)'", page.headers["content-security-policy"])
    assert re.findall("<script[^>]*>", page.text) == [f'<script nonce="{nonce}">']
    addresses = re.findall(r"""(?:src|href|action)\s*=\s*["']([^"']*)["']""", page.text + part)
    assert addresses and all(a.startswith("data:") for a in addresses)
    assert "eosinophil, lymphocyte, monocyte, neutrophil" in page.text
    assert '<path class="line outline-' in part and part.count("<article>") == 4 and "What decided" in part
    # Names of files may be names of patients.
    assert not re.search(r"p\d_\d\d|\.png", part)


def test_the_page_names_classes_as_the_report_does(run_folder: Path) -> None:
    bundle = load_bundle(run_folder / "run")
    first, *others = bundle.classes
    names = shown_classes(replace(bundle, settings={**bundle.settings, "names": {first: "Blast"}}))
    assert names == {first: "Blast", **{other: other for other in others}}
    answer = Answer(first, {first: .7, others[0]: .3}, (first,), False, (), .1, False, (), 0.0,
                    (NearCase("1", first, .2), NearCase("2", None, .3)), 9, 9, "",
                    {"decision": first, "expected_cost": .5})
    shown = shown_answer(answer, names)
    assert (shown.predicted, shown.prediction_set) == ("Blast", ("Blast",))
    assert shown.probabilities == {"Blast": .7, others[0]: .3}
    assert [case.label for case in shown.nearest] == ["Blast", None]
    assert shown.further == {"decision": "Blast", "expected_cost": .5}


def test_the_program_tells_what_it_is_and_does(client: TestClient, run_folder: Path) -> None:
    version = client.get("/version").json()
    manifest = json.loads((run_folder / "run/model/manifest.json").read_bytes())
    assert version["model_sha256"] == manifest["sha256"] and version["classes"] == manifest["classes"]
    assert client.get("/health").json() == {"status": "ok"}
    described = client.get("/openapi.json").json()
    assert {"/predict", "/predict/batch", "/overlay", "/health", "/version", "/metrics"} == set(described["paths"])
    assert [client.get(path).status_code for path in ("/docs", "/redoc", "/nowhere", "/../setup.cfg")] == [404] * 4
    assert client.get("/predict").status_code == 405
    before = client.get("/metrics").text
    client.post("/predict", files=sent(CELL))
    client.post("/predict", files=sent(b"text"))

    def grown(name: str) -> float:
        def value(text: str) -> float:
            return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))
        return value(client.get("/metrics").text) - value(before)
    assert grown('pellucid_images_total{outcome="ok"}') == grown('pellucid_images_total{outcome="not_an_image"}') == 1
    assert grown('pellucid_request_seconds_count{endpoint="/predict"}') == 2
    assert grown('pellucid_requests_total{endpoint="/predict",status="422"}') == 1
    assert 'endpoint="other"' in before and "nowhere" not in before


def test_a_model_that_was_replaced_is_not_used(run_folder: Path) -> None:
    with pytest.raises(UserError, match="was replaced since the server started: start `serve` again"):
        load_served(ModelKey(str(run_folder / "run"), "0" * 64))


def test_a_model_of_other_measurements_is_refused(run_folder: Path, tmp_path: Path) -> None:
    bundle = load_bundle(run_folder / "run")
    save_bundle(replace(bundle, blocks={**bundle.blocks, "color": 99}), tmp_path / "model")
    with pytest.raises(UserError, match=r"learned from color v99, this version measures v\d+: train it again"):
        load_served(key_of(ServeSettings(tmp_path / "model")))


def test_a_table_measured_otherwise_and_findings_are_refused(run_folder: Path, cell_folder: Path,
                                                             tmp_path: Path) -> None:
    featurize(build_index([cell_folder / "monocyte"]), load_preset("whole"), tmp_path / "whole.parquet", jobs=1)
    settings = ServeSettings(run_folder / "run", table=tmp_path / "whole.parquet")
    with pytest.raises(UserError, match="measured with preset 'cell' and the table with 'whole'"):
        load_served(key_of(settings))
    (tmp_path / "model").mkdir()
    (tmp_path / "model/manifest.json").write_text('{"kind": "multilabel"}')
    with pytest.raises(UserError, match="holds a model for each finding, and `serve` takes one"):
        key_of(ServeSettings(tmp_path))


@pytest.mark.parametrize(("stop", "code", "said"), [(signal.SIGINT, 130, "stopped\n"), (signal.SIGTERM, 143, "")],
                         ids=["ctrl-c", "term"])
def test_a_real_server_answers_and_ends(stop: signal.Signals, code: int, said: str, run_folder: Path) -> None:
    import httpx2
    command = [sys.executable, "cli.py", "serve", str(run_folder / "run"), "--port", "0", "--jobs", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          preexec_fn=minds_ctrl_c) as server:
        try:
            assert server.stdout is not None and server.stderr is not None
            line = server.stdout.readline()
            address = re.findall(r"http://127\.0\.0\.1:\d+/", line)
            assert address, f"{line}{server.poll()}"
            answer = httpx2.post(f"{address[0]}predict", files=sent(CELL), timeout=120)
            assert answer.status_code == 200 and len(answer.json()["nearest"]) > 0
            assert "server" not in answer.headers
            taken = subprocess.run([*command[:5], address[0].split(":")[-1].strip("/")], cwd=ROOT, text=True,
                                   capture_output=True)
            assert taken.returncode == 2 and "cannot listen there" in taken.stderr and taken.stderr.count("\n") == 1
            server.send_signal(stop)
            assert server.wait(timeout=60) == code and server.stderr.read() == said
        finally:
            server.kill()


@pytest.mark.slow
def test_a_server_for_others_needs_a_token() -> None:
    ended = subprocess.run([sys.executable, "cli.py", "serve", "nowhere", "--host", "0.0.0.0"], cwd=ROOT, text=True,
                           capture_output=True)
    assert ended.returncode == 2 and ended.stderr.startswith("error: --host 0.0.0.0 lets other machines in")
    assert ended.stderr.count("\n") == 1


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    import cli
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "classify.serve.run", raising=False)
    monkeypatch.setattr(sys, "argv", ["pellucid", "serve", "run"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: `serve` needs the package uvicorn: pip install 'pellucid[serve]'\n"
