"""Whatever schemathesis makes of /openapi.json is answered as it says: no crash, no undeclared status or shape."""
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classify.settings import TrainSettings
from classify.train import train
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.run import featurize
from featurize.table import read_table

pytest.importorskip("fastapi", reason="extra serve")
schemathesis = pytest.importorskip("schemathesis")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of schemathesis' own

ROOT = Path(__file__).parents[2]
# Requests for each endpoint.
EXAMPLES = 25


@pytest.fixture(scope="module")
def api(cell_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description that a real server gives of itself."""
    folder = tmp_path_factory.mktemp("served")
    featurize(build_index([cell_folder]), load_preset("whole"), folder / "t.parquet", jobs=1)
    train(*read_table(folder / "t.parquet"), folder / "run", TrainSettings(folds=2, resamples=10))
    image = (cell_folder / "monocyte/p0_02.png").read_bytes()
    # Whole images, a torn one, and bytes: else nothing but refusals would be seen.
    schemathesis.openapi.format("binary", st.sampled_from([image, image[:999]]) | st.binary())
    command = [sys.executable, "cli.py", "serve", str(folder / "run"), "--port", "0", "--jobs", "1", "--rate",
               "1000000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address, = re.findall(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
            with urlopen(f"{address}openapi.json") as answer:
                told = answer.read().decode()
            # schemathesis knows files by the word of OpenAPI 3.0.
            files = '"contentMediaType":"application/octet-stream"'
            assert files in told
            made = schemathesis.openapi.from_dict(json.loads(told.replace(files, '"format":"binary"')))
            made.config.update(base_url=address)
            yield made
            assert server.poll() is None, "it still runs"
        finally:
            server.terminate()


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/overlay", "/health", "/version", "/metrics"])
def test_every_answer_is_one_that_the_description_declares(path: str, api: Any) -> None:
    operations = [found.ok() for found in api.get_all_operations() if found.ok().path == path]
    assert len(operations) == 1

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))
    @given(operations[0].as_strategy())
    def answered_as_declared(case: Any) -> None:
        # The description cannot say which bytes are an image: others are refused with 422.
        accepted = schemathesis.specs.openapi.checks.positive_data_acceptance
        seen.add(case.call_and_validate(excluded_checks=[accepted]).status_code)
    seen: set[int] = set()
    answered_as_declared()
    assert 200 in seen


def test_every_endpoint_is_tried(api: Any) -> None:
    assert {found.ok().path for found in api.get_all_operations()} == {
        "/predict", "/predict/batch", "/overlay", "/health", "/version", "/metrics"}
