"""The examples in docstrings run and print what they say."""
import doctest
import importlib
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).parent.parent
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts)
           for package in ("featurize", "classify", "ecg") for path in sorted((ROOT / package).rglob("*.py"))
           if ">>>" in path.read_text(encoding="utf-8")]


def test_there_are_examples_in_all_packages() -> None:
    assert {name.split(".")[0] for name in MODULES} == {"featurize", "classify", "ecg"}


# Examples that train a model or read a whole page.
LONG = {"classify.estimator", "classify.predict", "classify.train", "ecg.digitize"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name
                                  for name in MODULES])
def test_the_examples_of_a_module_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name.removesuffix(".__init__"))
    assert any(found.examples for found in doctest.DocTestFinder().find(module)), "'>>>' stands outside of docstrings"
    with threadpool_limits(1):
        result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0, capsys.readouterr().out
