"""A few of the files of `benchmarks.hostile`: each is refused by name or read right, at once."""
import pytest

from benchmarks.hostile import KINDS
from benchmarks.hostile_reads import one_file

# Files of each kind; the benchmark reads ten thousand.
SEEDS = range(1000, 1024)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("models", "painted ECG pages")])
@pytest.mark.filterwarnings("ignore")  # of the libraries that read
def test_hostile_files_are_refused_by_name_or_read_right(kind: str) -> None:
    if kind == "WFDB":
        pytest.importorskip("wfdb")
    outcomes = {seed: one_file((kind, seed)) for seed in SEEDS}
    assert {seed: found for seed, found in outcomes.items() if found[0] not in ("read", "refused")} == {}
    assert any(found[0] == "refused" for found in outcomes.values())
