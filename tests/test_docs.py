"""What the pages say is what the code does."""
import ast
import re
from pathlib import Path
from typing import Any

import pytest

from featurize.features_doc import features_markdown

ROOT = Path(__file__).parent.parent


def test_features_page_is_up_to_date() -> None:
    """Repair: python -m featurize.features_doc docs/features.md"""
    assert (ROOT / "docs/features.md").read_text(encoding="utf-8") == features_markdown()


def families_in_code() -> dict[str, dict[str, Any]]:
    """Name of every family to the literals of its `@block(...)`, read from the source without running it."""
    found = {}
    for path in sorted((ROOT / "featurize/blocks").rglob("[!_]*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        call, = (node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "block")
        found[ast.literal_eval(call.args[0])] = {
            k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg in ("version", "source")}
    return found


def test_features_page_names_every_family_with_its_source() -> None:
    page = (ROOT / "docs/features.md").read_text(encoding="utf-8")
    known = families_in_code()
    assert known and re.findall(r"^## (\w+)$", page, re.M) == sorted(known)
    for name, said in known.items():
        about = re.search(rf"^## {name}$.*?^(Version .*?)$", page, re.M | re.S)
        assert about and about.group(1).startswith(f"Version {said['version']}; reads ")
        assert f"; source: {said['source']}" in about.group(1)


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md", "docs/features.md", "docs/python.md",
                                  "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text) + re.findall(r'src="(?!https?:)([^"]+)"', text)
    missing = [t for t in targets if not ((ROOT / page).parent / t).exists()]
    assert not missing
    # The other pages have no link to a file so far.
    assert targets or page != "README.md"


def test_readme_shows_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert 'pip install -e ".[cpu]" && python cli.py demo' in text
    assert 'pip install -e ".[cpu,test]" && python -m pytest' in text


def test_readme_names_every_command() -> None:
    import cli
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(cli.app.registered_commands) >= 8
    for command in cli.app.registered_commands:
        assert command.callback is not None
        assert f"pellucid {command.name or command.callback.__name__}" in text


def test_architecture_names_every_room_and_nothing_that_is_gone() -> None:
    """A room: a folder of a package, or a file at its root."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for package in ("featurize", "classify", "ecg"):
        section = re.search(rf"^### {package}$(.*?)^##", text, re.M | re.S)
        assert section
        named = set(re.findall(r"`([\w/]+(?:/|\.py))`", "\n".join(
            line.split("|")[1] for line in section.group(1).splitlines() if line.startswith("|"))))
        root = ROOT / package
        rooms = {f"{path.parent.relative_to(root).as_posix()}/" for path in root.glob("**/__init__.py")} - {"./"}
        assert named == rooms | {path.name for path in root.glob("*.py") if path.name != "__init__.py"}
