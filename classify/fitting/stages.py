"""Ordered stages of model formats 2 and 3: is a row above stage 0, above stage 1, ..., above stage K - 2?

Newer models grow the trees of all stages together, as those of other classes: on leukemia_all4 (three seeds) the
accuracy was .989 instead of .983 and the log-loss .042 instead of .049. Nothing here is used but to read older models.

One binary model answers each question "above stage j" with its log-odds m_j. The score of stage c is the sum of the
log-odds of all stages below it, s_c = m_0 + ... + m_(c-1): m_j is taken for the log-odds of stage j + 1 against its
neighbor j, as in the adjacent-category model (Agresti 2010, Analysis of Ordinal Categorical Data, 4.1). Only rows that
are as likely to be of a third stage make a difference between the two, and the calibration that follows fits the scale.

Softmax of the scores gives the probabilities of the stages, and sums of these give those of "at least this stage".
These never increase from a stage to the next, whatever the models say, so nothing has to be made monotone afterwards
(independent "above" probabilities can contradict each other: Frank & Hall 2001, doi:10.1007/3-540-44795-4_13).

The scores are linear in the log-odds: exact Shapley values of the models, summed in the same way, are those of a stage.
Softmax ignores a number that is added to all scores, so their mean is taken off: without this the lowest stage would
have the score 0 for every row, and nothing would ever speak for or against it.
"""
from typing import TypeVar

import numpy as np

from featurize.arrays import Float32Array, Float64Array

Values = TypeVar("Values", Float32Array, Float64Array)


def scores_of_stages(values: Values) -> Values:
    """Sums of the log-odds of the stages below each stage, less their mean over the stages.

    Parameters
    ----------
    values : (n, K - 1, ...) float
        Log-odds of "above stage j", or contributions to them.

    Returns
    -------
    (n, K, ...) float

    Examples
    --------
    A row that is surely above stage 0, and as likely above stage 1 as not:

    >>> scores_of_stages(np.array([[3.0, 0.0]])).tolist()
    [[-2.0, 1.0, 1.0]]
    """
    below = np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, axis=1)], axis=1)
    return below - below.mean(axis=1, keepdims=True)
