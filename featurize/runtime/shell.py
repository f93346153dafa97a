"""A command as a line that can be pasted into a shell."""
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

Value = str | float | Path | Sequence[str] | Mapping[str, str] | None


def command_line(command: str, arguments: Sequence[str | Path], options: Mapping[str, Value] | None = None) -> str:
    """The call of a command, quoted for a POSIX shell.

    Parameters
    ----------
    command : str
        Its name: "featurize".
    arguments : sequence of str or Path
        Files and folders.
    options : mapping, optional
        Option to value. None, "" and an empty sequence leave the option out, True gives it without a value, several
        texts are joined by commas, a mapping becomes 0=normal,1=pneumonia.

    Examples
    --------
    >>> print(command_line("featurize", ["my films"], {"--group-regex": r"p(\\d+)_", "--labels": None, "--folds": 5}))
    python cli.py featurize 'my films' --group-regex 'p(\\d+)_' --folds 5
    """
    words = ["python", "cli.py", command, *map(_argument, arguments)]
    for option, value in (options or {}).items():
        if value is None or value is False or isinstance(value, str | Sequence | Mapping) and not value:
            continue
        words += [option] if value is True else [option, _text(value)]
    return shlex.join(words)


def _argument(argument: str | Path) -> str:
    """A name that starts with a dash would be taken for an option."""
    text = str(argument)
    return f"./{text}" if text.startswith("-") else text


def _text(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, Mapping):
        return ",".join(f"{key}={name}" for key, name in value.items())
    return str(value) if isinstance(value, str | int | Path) or value is None else ",".join(value)
