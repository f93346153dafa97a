"""Pages for everybody: contrast, headings of columns, texts for pictures, tables that the keyboard reaches."""
import html
import importlib.util
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_table import made_table

from classify.audit.examine import examine
from classify.audit.page.write import write_audit
from classify.audit.reporting import reporting
from classify.bundle import load_bundle
from classify.crosswalk.export import write_supplement
from featurize.report.page import HERE, MOST_HEAT

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"
PAGES = ("audit", "supplement")
STYLE = (HERE / "style.css").read_text(encoding="utf-8")
# Contrast of text that WCAG 2.2 wants at level AA (success criterion 1.4.3).
AA = 4.5
# The package that carries the checker's script, see the extra `pages`.
CARRIER = "axe_core_python"
_RUN = """<script>document.querySelectorAll("details").forEach(d => d.open = true);
axe.run(document, {resultTypes: ["violations"]}).then(found => { const out = document.createElement("pre");
out.textContent = "[axe" + JSON.stringify(found.violations.map(v =>
  [v.id, v.nodes.map(n => n.html.slice(0, 120))])) + "axe]";
document.body.appendChild(out); });</script></body>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with audit.html and supplement.html."""
    folder = tmp_path_factory.mktemp("pages")
    frame, info = made_table((30, 30, 30), features=4, seed=5)
    frame["image_id"] = [f"page{i:012d}" for i in range(len(frame))]
    found = examine(load_bundle(GOLDEN), None, frame, info)
    told = reporting(GOLDEN, None, found, folder / "audit.html")
    write_audit(folder / "audit.html", replace(found, reporting=told))
    write_supplement(folder / "supplement.html", told.answers, told.study, "A table")
    return folder


class Elements(HTMLParser):
    """Tags with their attributes, and the text of every heading of a column."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.heads: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "th":
            self.inside = True
            self.heads.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "th"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.heads[-1] += data.strip()


@pytest.mark.parametrize("page", PAGES)
def test_columns_pictures_and_scrolling_parts_have_names(page: str, pages: Path) -> None:
    found = Elements((pages / f"{page}.html").read_text(encoding="utf-8"))
    of = {name: [attrs for tag, attrs in found.tags if tag == name]
          for name in ("html", "main", "nav", "img", "div", "h1")}
    assert of["html"][0]["lang"] == "en" and len(of["main"]) == len(of["h1"]) == 1 and of["nav"][0]["aria-label"]
    assert found.heads and all(found.heads), "a column without a heading"
    assert all(attrs.get("alt") for attrs in of["img"])
    scrolling = [attrs for attrs in of["div"] if attrs.get("class") == "scroll"]
    assert scrolling and all(attrs["tabindex"] == "0" and attrs["aria-label"] for attrs in scrolling)


def rgb(text: str) -> tuple[float, ...]:
    numbers = re.findall(r"\d+", text) if "," in text else [int(text[i:i + 2], 16) for i in (1, 3, 5)]
    return tuple(float(n) for n in numbers)


def contrast(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Of two colors: WCAG 2.2, relative luminance and contrast ratio.

    >>> round(contrast((0, 0, 0), (255, 255, 255)))
    21
    """
    def light(color: tuple[float, ...]) -> float:
        linear = [v / 12.92 if v <= .04045 else ((v + .055) / 1.055) ** 2.4 for v in (c / 255 for c in color)]
        return .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2]
    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + .05) / (low + .05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_color_can_be_read_on_every_ground(scheme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", STYLE, re.S)[scheme]
    color = {name: rgb(value) for name, value in re.findall(r"--([\w-]+): (#\w{6}|\d+, \d+, \d+)", block)}
    grounds = ("paper", "ground", "faint", "caution-ground", "serious-ground", "note-ground")
    low = [(text, ground, contrast(color[text], color[ground])) for text in ("ink", "quiet", "blue", "green", "red")
           for ground in grounds]
    assert [found for found in low if found[2] < AA] == []
    for heat in ("heat", "heat-error"):
        mixed = tuple(MOST_HEAT * a + (1 - MOST_HEAT) * b for a, b in zip(color[heat], color["paper"]))
        assert contrast(color["ink"], mixed) >= AA


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("page", PAGES)
def test_the_checker_finds_nothing(page: str, scheme: str, pages: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    spec = importlib.util.find_spec(CARRIER)
    if not chromium or not spec or not spec.submodule_search_locations:
        pytest.skip("no chromium, or no package with axe.min.js: pip install 'pellucid[pages]'")
    script = (Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")
    script = script.replace("</script>", "<\\/script>")
    text = (pages / f"{page}.html").read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(text.replace("</body>", f"<script>{script}</script>{_RUN}"), encoding="utf-8")
    settings = [f"--blink-settings=preferredColorScheme={int(scheme == 'light')}", "--window-size=1280,1200"]
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
               *settings, "--virtual-time-budget=60000", "--dump-dom", (tmp_path / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    found = re.findall(r"<pre>\[axe(.*?)axe\]</pre>", done.stdout, re.S)
    assert found, done.stderr[-500:]
    assert json.loads(html.unescape(found[-1])) == []
