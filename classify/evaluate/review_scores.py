"""What the rule of review costs and leaves, with the interval of the errors that are left."""
from typing import Any

import pandas as pd

from classify.evaluate.by_class import grouped_wilson
from classify.review import review_summary
from featurize.arrays import BoolArray, Int64Array


def review_scores(words: pd.Series, right: BoolArray, split_group: Int64Array) -> dict[str, Any]:
    """`classify.review.review_summary` with `errors_kept_interval`.

    Parameters
    ----------
    words : (n,) Series of str
        Column `review_reason`.
    right : (n,) bool
        The predicted class is the true one.
    split_group : (n,) int64
        Rows with the same number are not independent.

    Examples
    --------
    Of three images that nobody looks at, one is wrong:

    >>> import numpy as np
    >>> found = review_scores(pd.Series(["", "", "novel", ""]), np.array([True, False, False, True]), np.arange(4))
    >>> round(found["errors_kept"], 2), [round(end, 2) for end in found["errors_kept_interval"]], found["errors_found"]
    (0.33, [0.06, 0.79], 0.5)
    """
    kept = words.fillna("").to_numpy(dtype=object) == ""
    return {**review_summary(words, right),
            "errors_kept_interval": list(grouped_wilson(~right[kept], split_group[kept]))}
