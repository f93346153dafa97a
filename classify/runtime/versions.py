"""Versions of the libraries that the numbers of a run depend on."""
from importlib.metadata import PackageNotFoundError, version

# Libraries whose versions a run names. Those of trees are named where they are installed.
NUMERIC_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "pellucid")
TREE_LIBRARIES = ("xgboost", "xgboost-cpu", "lightgbm")


def library_versions() -> dict[str, str]:
    """Of the libraries that the numbers depend on."""
    found = {}
    for name in (*NUMERIC_LIBRARIES, *TREE_LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
