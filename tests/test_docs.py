"""What the pages say is what the code does."""
import re
from pathlib import Path

import pytest

from featurize.features_doc import features_markdown
from featurize.registry import blocks

ROOT = Path(__file__).parent.parent


def test_features_page_is_up_to_date() -> None:
    """Repair: python -m featurize.features_doc docs/features.md"""
    assert (ROOT / "docs/features.md").read_text(encoding="utf-8") == features_markdown()


def test_features_page_names_every_family_with_its_source() -> None:
    page = features_markdown()
    for name, block in blocks().items():
        assert f"\n## {name}\n" in page and block.source in page


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md", "docs/features.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text) + re.findall(r'src="(?!https?:)([^"]+)"', text)
    missing = [t for t in targets if not ((ROOT / page).parent / t).exists()]
    assert not missing


def test_readme_shows_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert 'pip install -e ".[cpu]" && python cli.py demo' in text
    assert 'pip install -e ".[cpu,test]" && python -m pytest' in text


def test_readme_names_every_command() -> None:
    import cli
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in cli.app.registered_commands:
        assert command.callback is not None
        assert f"pellucid {command.name or command.callback.__name__}" in text
