"""One form for every result: rows beside the command, data, seed, versions, machine and date that made them."""
import json
import os
import platform
import shlex
import sys
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("numpy", "opencv-python-headless", "numba", "scikit-learn", "xgboost-cpu", "lightgbm")


def versions() -> dict[str, str]:
    """Of what computes the figures; a library that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write(path: Path, title: str, about: str, rows: list[dict[str, Any]]) -> None:
    """Write a result and refresh RESULTS.md.

    Parameters
    ----------
    path : Path
        The JSON file; only those in benchmarks/results enter RESULTS.md.
    title, about : str
        Heading, and sentences that say data, protocol and seed.
    rows : list of dict
        One row of the table each, the same keys in all.
    """
    command = shlex.join(["python", "-m", _module(), *(Path(a).name if "/" in a else a for a in sys.argv[1:])])
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    content = {"title": title, "about": about, "command": command, "machine": machine, "date": date.today().isoformat(),
               "versions": versions(), "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if path.resolve().parent == RESULTS.resolve():
        (RESULTS.parent / "RESULTS.md").write_text(results_page(), encoding="utf-8")


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem


def results_page() -> str:
    """RESULTS.md: every JSON of benchmarks/results as a section with a table."""
    parts = ["# Results\n\nWritten by the benchmark scripts from `benchmarks/results/*.json`; do not edit by hand.\n"]
    for path in sorted(RESULTS.glob("*.json")):
        parts.append(_section(json.loads(path.read_text(encoding="utf-8"))))
    return "\n".join(parts)


def _section(content: dict[str, Any]) -> str:
    keys = list(content["rows"][0])
    lines = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(_text(row[k]) for k in keys) + " |" for row in content["rows"]]
    made = ", ".join(f"{k} {v}" for k, v in content["versions"].items())
    return (f"## {content['title']}\n\n{content['about']}\n\n" + "\n".join(lines)
            + f"\n\n`{content['command']}`, {content['date']}, {content['machine']}; {made}.\n")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
