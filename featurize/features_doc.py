"""docs/features.md, made from the registry: what every column is, in which unit, by which formula, from which source.

    python -m featurize.features_doc docs/features.md
"""
import inspect
import sys
from pathlib import Path
from typing import Any

from featurize.families import blocks
from featurize.presets.load import load_preset, preset_names
from featurize.registry import Block
from featurize.runtime.files import write_text

_INTRO = """# Features

Made by `python -m featurize.features_doc docs/features.md`; a test says when it is out of date.

A column reads `<region>_<family>_<feature>`, for example `nucleus_morphology_solidity`. A star stands for the part of
the name that varies. A feature of a region that was not found is empty (NaN), never zero. Nuisances describe the
picture and not the patient: they stay in the table for audits and are never offered to a model.
"""


def features_markdown() -> str:
    """The whole page."""
    known = blocks()
    parts = [_INTRO, _overview(known), *(_family(block) for block in known.values())]
    return "\n".join(parts)


def _overview(known: dict[str, Block]) -> str:
    """Which preset measures which family."""
    names = preset_names()
    presets = {name: load_preset(name).blocks for name in names}
    rows = [[f"[{family}](#{family})", *("yes" if family in presets[n] else "" for n in names)] for family in known]
    return _table(["family", *names], rows)


def _family(block: Block) -> str:
    about = (inspect.getdoc(block.function) or "").split("\n\n")[0].replace("\n", " ")
    facts = [f"Version {block.version}", f"reads {', '.join(block.needs)}", f"source: {block.source}"]
    if block.nuisance:
        facts.append("nuisance: never offered to a model")
    settings = "\n".join(f"- `{name}` = `{_shown(value)}`" for name, value in block.settings.items())
    rows = [[f"`{pattern}`", f.unit, f.formula] for pattern, f in block.describes.items()]
    return "\n".join([f"## {block.name}\n", about + "\n", "; ".join(facts) + ".\n",
                      f"Settings and their defaults:\n\n{settings}\n" if settings else "No settings.\n",
                      _table(["feature", "unit", "what it is"], rows)])


def _shown(value: Any) -> str:
    """As it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(v) for v in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    # A bar inside a cell (as in |x|) would end the cell.
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    write_text(features_markdown(), Path(sys.argv[1]))
