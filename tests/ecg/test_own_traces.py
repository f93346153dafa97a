"""Rows whose QRS complexes reach into the next row keep their own traces to both ends."""
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ecg_review import make_page
from ecg.digitize import digitize
from ecg.lead_table import LEADS

PTBXL = Path(__file__).parents[3] / "shared/data/ecg_ptbxl/ptbxl.npz"


@pytest.mark.skipif(not PTBXL.exists(), reason="shared/data/ecg_ptbxl is not here")
def test_a_row_does_not_begin_on_the_trace_of_the_next() -> None:
    number = 70
    with np.load(PTBXL) as records:
        mv = records["sig_uv"][number].T / 1000
    _, page, truth = make_page(mv, number)
    found = digitize(page)
    assert found.layout.name == "12x1"
    for k, lead in enumerate(LEADS):
        wanted, read = truth[lead].to_numpy(), found.signals.mv[k][:len(truth)]
        off = np.nan_to_num(read - np.median(read)) - (wanted - np.median(wanted))
        # V1 had 0.9 dB: its first .6 s were those of V2.
        assert 10 * np.log10((wanted ** 2).sum() / (off ** 2).sum()) > 12, lead
