"""The reasons for review in words for people."""

# By the reasons of `ecg.review.review_reasons`; the warnings of a page say more of each.
REVIEW_WORDS = {
    "work": "work left undone",
    "layout": "place of the leads",
    "grid": "grid",
    "scale": "gain",
    "length": "length of the rows",
    "limb": "limb leads that contradict each other",
    "twice": "a lead drawn twice",
    "seen": "a lead seen poorly",
    "bridged": "lines over bare paper, as where beats are cut off",
    "strokes": "ink that no lead explains, such as handwriting",
    "shared": "two leads on one trace",
}


def review_sentence(reason: str) -> str:
    """A sentence for the words of a `review_reason`, joined by "|"; "" without any.

    Examples
    --------
    >>> review_sentence("grid|twice")
    'for review because of: grid, a lead drawn twice'
    """
    words = [REVIEW_WORDS.get(one, one) for one in reason.split("|") if one]
    return f"for review because of: {', '.join(words)}" if words else ""
