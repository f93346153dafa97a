"""A limit of the work that one page may take, counted in what is compared and not in seconds.

Counted work gives the same result on every machine; seconds would not.
"""


class WorkLimit:
    """Counts work down. When it is spent, what is left of a page is done without a search.

    Parameters
    ----------
    most : float
        Work that may be done.

    Examples
    --------
    >>> limit = WorkLimit(100)
    >>> limit.count(60), limit.spent
    (None, False)
    >>> limit.count(60), limit.spent
    (None, True)
    """

    def __init__(self, most: float) -> None:
        self._left = float(most)

    def count(self, work: float) -> None:
        """Note work that was done or is about to be done."""
        self._left -= work

    @property
    def spent(self) -> bool:
        return self._left <= 0
