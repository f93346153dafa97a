"""What `import featurize, classify, ecg` offers, and that it costs nothing."""
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("featurize", "classify", "ecg")


def test_importing_the_packages_imports_nothing_else() -> None:
    heavy = {"numpy", "numba", "sklearn", "pandas", "cv2", "scipy", "pyarrow", "xgboost", "lightgbm"}
    code = f"""
import sys, featurize, classify, ecg
own = ("featurize.", "classify.", "ecg.")
print(*{heavy} & set(sys.modules), *(name for name in sys.modules if name.startswith(own)))
assert "ImageFeatures" in dir(featurize) and "TrainSettings" in dir(classify) and "LEADS" in dir(ecg)
print(classify.TrainSettings().folds, *{heavy} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["featurize.lazy", "5"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_leads_somewhere(package: str) -> None:
    module = importlib.import_module(package)
    assert len(module.__all__) >= 9 and set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name) is not None
    # A second look returns the very same object: isinstance and pickle rely on it.
    assert all(getattr(module, name) is getattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_is_that_of_a_submodule(package: str) -> None:
    """Importing the submodule would put the module in the name's place."""
    module = importlib.import_module(package)
    assert not set(module.__all__) & {found.name for found in pkgutil.iter_modules(module.__path__)}


@pytest.mark.parametrize("package", PACKAGES)
def test_an_unknown_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        getattr(importlib.import_module(package), "nonsense")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_names_only_what_is_there(package: str) -> None:
    import re
    text = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    named = set(re.findall(rf"\b{package}\.([A-Za-z_]+)\b", text))
    module = importlib.import_module(package)
    assert named and named <= set(module.__all__)
