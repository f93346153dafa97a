"""What is known about one image before it is decoded."""
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class IndexRow:
    """One image of an index.

    Parameters
    ----------
    site : str
        The source's name, empty where it is the only one.
    path : str
        Relative to the source, printable.
    sha256 : str
        Of the content.
    label, group, split : str or None
        None where unknown.
    site_shown : str or None
        A site that the labels file names; it stands in the table instead of the source's name.
    findings : mapping
        Finding to 0, 1 or None.
    """

    site: str
    path: str
    sha256: str
    label: str | None = None
    group: str | None = None
    split: str | None = None
    site_shown: str | None = None
    findings: Mapping[str, int | None] = field(default_factory=dict)
