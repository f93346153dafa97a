"""Names that a package offers without importing the modules that define them (PEP 562)."""
import importlib
from collections.abc import Callable, Mapping


def lazy_names(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]],
                                                                 list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose names are imported on first use.

    Parameters
    ----------
    package : str
        The package's `__name__`.
    places : mapping of name to place
        A place is a module, ``"featurize.table"``, where the name is the same there, or a module and the name in it,
        ``"featurize.radiomics.engine:measure"``. A name must not be that of a submodule: importing the submodule would
        replace it.
    """
    def get(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, original = places[name].partition(":")
        return getattr(importlib.import_module(module), original or name)

    def names() -> list[str]:
        return sorted({*places, *vars(importlib.import_module(package))})

    return get, names, list(places)
