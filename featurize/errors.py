"""What a user is meant to read when a command cannot go on."""


class UserError(Exception):
    """A wrong call or unusable input. The message is one line: what came, what was wanted, what to do."""


class Stopped(KeyboardInterrupt):
    """Ctrl-C during a long job. The message says what is kept and how to go on."""
