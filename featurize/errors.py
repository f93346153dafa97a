"""The one error that a user is meant to read."""


class UserError(Exception):
    """A wrong call or unusable input. The message is one line: what came, what was wanted, what to do."""
