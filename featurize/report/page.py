"""The frame of a page: jinja2 template and plain content become one offline HTML file.

Templates compute nothing. Python prepares dicts and lists whose numbers are already text; the template places them.
Everything is escaped (``autoescape``), and a name that the content lacks is an error (``StrictUndefined``).
"""
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from featurize.runtime.files import write_text

HERE = Path(__file__).parent
# Tables of more columns break their numbers before the interval, so that they fit the page and the paper.
MOST_COLUMNS = 8
# Columns of values with an interval beside them, at most; of more it stands below.
MOST_INTERVALS = 4
# Order of the warnings.
_FIRST = {"serious": 0, "caution": 1, "note": 2}

# A command between backticks, or an option by itself.
_CODE = re.compile(r"`([^`]+)`|(?<![\w-])(--[a-z][a-z-]*[a-z])")
_PER_CENT = re.compile(r"(?<=\d) %")
# Opacity of the strongest color behind the text of a cell.
MOST_HEAT = 0.55


def write_page(path: Path, template: str, content: Mapping[str, Any], folder: Path = HERE) -> None:
    """Render a template and write the page.

    Parameters
    ----------
    path : Path
        Where the page goes, whole or not at all.
    template : str
        Name of the template.
    content : mapping
        Every name that the template uses.
    folder : Path
        Where the template is; it may extend and import those of this folder.
    """
    write_text(render(template, content, folder), path)


def render(template: str, content: Mapping[str, Any], folder: Path = HERE) -> str:
    """The page as text. Templates of ``folder`` may extend and import those of this folder."""
    return _environment(folder).get_template(template).render(product=product(), **content)


@cache
def _environment(folder: Path) -> jinja2.Environment:
    """Once for each folder: to compile a template takes longer than to fill it."""
    loader = jinja2.FileSystemLoader([str(folder), str(HERE)])
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    made.filters["with_code"] = with_code
    return made


def with_code(text: str) -> Markup:
    """A sentence whose commands, between backticks, and options are set as code.

    Neither an option nor a number and its per cent sign are parted at the end of a line.

    >>> with_code("give --order to `pellucid classify`, R&D")
    Markup('give <code class="option">--order</code> to <code>pellucid classify</code>, R&amp;D')
    """
    return Markup(_CODE.sub(lambda found: f"<code>{found[1]}</code>" if found[1] else
                            f'<code class="option">{found[2]}</code>', _PER_CENT.sub("\u00a0%", str(escape(text)))))


def product() -> str:
    """Name and version for the foot of the page."""
    try:
        return f"Pellucid {version('pellucid')}"
    except PackageNotFoundError:
        return "Pellucid"


def warning(level: str, text: str, advice: str = "", command: str = "") -> dict[str, str]:
    """One warning.

    Parameters
    ----------
    level : str
        ``serious`` (results can't be trusted before it is solved), ``caution`` or ``note``.
    text : str
        What is wrong: a sentence.
    advice, command : str
        What to do about it, and the option that does it.

    Raises
    ------
    ValueError
        Another level.
    """
    if level not in _FIRST:
        raise ValueError(f"level of a warning: {level!r}, wanted one of {', '.join(_FIRST)}")
    return {"level": level, "text": text, "advice": advice, "command": command}


def by_weight(warnings: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Serious warnings first, otherwise in the order given."""
    return sorted(warnings, key=lambda w: _FIRST[w["level"]])


def cell(text: object, *, key: float | None = None, bar: float | None = None, tone: str = "",
         title: str = "") -> dict[str, Any]:
    """One cell of a table.

    Parameters
    ----------
    text : object
        What is shown.
    key : float, optional
        What the column is sorted by; a cell with a key is a number and stands right.
    bar : float, optional
        0..1: length of the bar behind the text.
    tone : str
        ``good``, ``bad``, ``quiet`` or a heat level ``heat-0`` .. ``heat-9``.
    title : str
        What the mouse shows.
    """
    width = None if bar is None else f"{100 * min(max(bar, 0), 1):.1f}%"
    return {"text": str(text), "key": None if key is None else f"{key:.6g}", "bar": width, "tone": tone, "title": title}


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", sortable: bool = False,
          foot: str = "", explain: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A table for the template: plain values become cells; a column of numbers stands right, its head too.

    One with words beside its first column takes the full width; one of numbers only stays as narrow as they are.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    rows : sequence of sequences
        What `cell` gives, or plain values.
    caption, foot : str
        What stands above and below.
    sortable : bool
        A click on the head of a column sorts by it.
    explain : mapping of str, optional
        Name of a column to what the mouse shows on its head.
    """
    cells = [[value if isinstance(value, dict) else cell(value) for value in row] for row in rows]
    intervals = sum(any(c["key"] is not None and " (" in c["text"] for c in column) for column in zip(*cells))
    wide = len(head) > MOST_COLUMNS or intervals > MOST_INTERVALS
    if wide:
        # An interval stands below its value: the columns are narrow.
        cells = [[{**c, "text": c["text"].replace(" (", "\n(")} if c["key"] is not None else c for c in row]
                 for row in cells]
    right = [bool(cells) and any(row[i]["key"] is not None for row in cells) for i in range(len(head))]
    heads = [{"text": text, "right": r, "title": (explain or {}).get(text, "")} for text, r in zip(head, right)]
    return {"head": heads, "rows": cells, "caption": caption, "sortable": sortable, "foot": foot,
            "full": not all(right[1:]), "wide": wide}


def heat(strength: float, hue: str = "heat") -> str:
    """Style of a cell of a matrix, colored by a strength of 0..1: only so far that its text stays readable.

    With MOST_HEAT the text has a contrast of 4.9 or more on every ground, in light and dark (WCAG 2.2 AA wants 4.5).
    """
    return f"background:rgba(var(--{hue}),{MOST_HEAT * min(1.0, strength):.2f})"


def figure(uri: str, title: str, reading: str, alt: str = "") -> dict[str, str]:
    """A figure for the template.

    Parameters
    ----------
    uri : str
        Data URI of the picture.
    title : str
        A full stop is added unless it is a question.
    reading : str
        One or two sentences on how to read it.
    alt : str
        Text in place of the picture; the title if empty.
    """
    title += "" if title.endswith("?") else "."
    return {"uri": uri, "title": title, "reading": reading, "alt": alt or title.rstrip(".")}


def anchor(title: str) -> str:
    """The id of a section: ``How sure?`` becomes ``how-sure``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def contents(titles: Sequence[str]) -> list[dict[str, str]]:
    """The list of contents for the side of the page."""
    return [{"id": anchor(title), "title": title} for title in titles]
