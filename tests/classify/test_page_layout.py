"""Pages on a phone, a tablet and a desk, in both color schemes: no sideways scroll, nothing for axe-core to find."""
import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_table import chest_table, made_table

from classify.audit.examine import examine
from classify.audit.page.write import write_audit
from classify.audit.reporting import reporting, with_origin
from classify.bundle import load_bundle
from classify.findings import train as findings_train
from classify.findings.audit_run import Asked, audit_findings
from classify.findings.train import train_findings
from classify.settings import TrainSettings
from classify.similar.map import table_map
from classify.similar.map_page import write_map
from classify.train import train
from featurize.explore.page import explore
from featurize.index.build import build_index

pytestmark = pytest.mark.slow
GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"
QUICK = TrainSettings(folds=2, rounds=10, resamples=10, model="lightgbm", jobs=1)
CARRIER = "axe_core_python"
WIDTHS = (390, 800, 1400)
# What stands beyond the right edge of the window, and is in no box that scrolls by itself.
BEYOND = """() => { const width = document.documentElement.clientWidth;
const boxed = e => { for (let p = e.parentElement; p; p = p.parentElement)
  if (["auto", "scroll", "hidden"].includes(getComputedStyle(p).overflowX)) return true; return false; };
return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1 && !boxed(e))
  .map(e => `${e.tagName} ${e.className} ${(e.textContent || "").trim().slice(0, 40)}`).slice(0, 5); }"""
# What the contents list, and the headings of the sections.
LISTED = """() => [[...document.querySelectorAll("nav.contents a")].map(a => a.textContent),
  [...document.querySelectorAll("main section > h2")].map(h => h.textContent)]"""
OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"
VIOLATIONS = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(v =>
  [v.id, v.nodes.map(n => n.html.slice(0, 120))]))"""


def audited(folder: Path) -> Path:
    frame, info = made_table((30, 30, 30), features=4, seed=5)
    found = examine(load_bundle(GOLDEN), None, frame.assign(image_id="x" + frame["image_id"]), info)
    found = replace(found, reporting=reporting(GOLDEN, None, found, folder / "audit.html"))
    write_audit(folder / "audit.html", with_origin(GOLDEN, found))
    return folder / "audit.html"


def findings_audited(folder: Path) -> Path:
    frame, info = chest_table()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings_train, "write_report", lambda path, result, numbers: path.write_text(str(path)))
        run = train_findings(frame, info, folder / "several", replace(QUICK, task="multilabel")).out
    there, info = chest_table(seed=11)
    names = [f"film{i:08d}" for i in range(len(there))]
    audit_findings(run, Path("t.parquet"), there.assign(image_id=names, group=names), info, folder / "findings.html",
                   Asked(fit_labels=[10]))
    return folder / "findings.html"


def reported(folder: Path) -> Path:
    return train(*made_table((40, 40, 40), features=6), folder / "run", QUICK).out / "report.html"


def several_reported(folder: Path) -> Path:
    return train_findings(*chest_table(), folder / "findings", replace(QUICK, task="multilabel")).out / "report.html"


def explored(folder: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 255, (40, 32, 32, 3)).astype(np.uint8)
    images[1] = images[0]
    np.savez(folder / "set.npz", train_images=images, train_labels=np.arange(40)[:, None] % 4)
    explore(build_index([folder / "set.npz"]), folder / "explore.html")
    return folder / "explore.html"


def mapped(folder: Path) -> Path:
    frame, info = made_table((20, 20), features=6)
    write_map(folder / "map.html", table_map(frame, info), info)
    return folder / "map.html"


@pytest.mark.parametrize("made", [audited, findings_audited, reported, several_reported, explored, mapped])
def test_a_page_fits_every_window_and_axe_finds_nothing(made: Callable[[Path], Path], browser: Any, tmp_path: Path
                                                        ) -> None:
    written = made(tmp_path)
    carrier = importlib.util.find_spec(CARRIER)
    assert carrier is not None and carrier.submodule_search_locations, "pip install 'pellucid[pages]'"
    script = (Path(carrier.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            faults: list[str] = []
            page.on("pageerror", lambda error, faults=faults: faults.append(str(error)))
            page.goto(written.as_uri())
            page.evaluate(OPEN)
            assert page.evaluate(BEYOND) == [], (width, scheme)
            listed, headings = page.evaluate(LISTED)
            assert listed == headings and page.locator("nav.contents").is_visible()
            if width == WIDTHS[0]:
                page.evaluate(script)
                assert page.evaluate(VIOLATIONS) == [] and not faults, scheme
            page.close()


def test_headings_break_names_of_files_of_any_length(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(audited(tmp_path).as_uri())
    page.evaluate("document.querySelectorAll('h1, h3, h4').forEach(h => h.textContent = 'slide_7'.repeat(30))")
    assert page.evaluate("document.querySelectorAll('h3').length") > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
