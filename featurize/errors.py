"""What a user is meant to read when a command cannot go on."""


class UserError(Exception):
    """A wrong call or unusable input. The message is one line: what came, what was wanted, what to do."""


class Stopped(KeyboardInterrupt):
    """Ctrl-C during a long job. The message says what is kept and how to go on."""


# Characters of a value that a message repeats.
_LONGEST_VALUE = 60


def shown(value: object) -> str:
    """A value as a message repeats it: on one line, and cut where it is long.

    >>> shown("a\\nb"), shown("x" * 99)[-5:]
    ("'a\\\\nb'", 'x ...')
    """
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} ..."


def one_line(error: BaseException) -> str:
    """The message of another library's error on one line."""
    return " ".join(str(error).split())
