"""What a person may set of a server, checked before anything is loaded."""
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from featurize.errors import UserError
from featurize.images.picture import Limits

# Bytes of a megabyte, as files are counted.
MB = 2 ** 20
# A token must not be guessed: at least so many characters.
LEAST_TOKEN_CHARACTERS = 16
# A token file holds a line.
_MOST_TOKEN_BYTES = 4096
# Images of one call of the batch endpoint, and how many times the limit of one image all of them may fill.
MOST_OF_BATCH = 32
BATCH_SHARE = 4
# Seconds in which a request must have arrived whole.
UPLOAD_SECONDS = 60


@dataclass(frozen=True)
class ServeSettings:
    """How a model is served.

    Parameters
    ----------
    run : Path
        The run folder, or the model folder in it.
    host : str
        Where it listens.
    port : int
        0: one that is free.
    token : str or None
        What a caller must send as ``Authorization: Bearer ...``; None: nothing.
    jobs : int
        Processes that work.
    table : Path or None
        The table whose images are shown as nearest cases; None: the model's training images, without pictures.
    limit_s, limit_mb : float
        Seconds and memory that one image may take.
    most_mb : float
        Size of an image file.
    most_pixels : int
        Of an image; with the limit of memory this bounds what one request takes.
    rate : int
        Images a minute from one address.
    """

    run: Path
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    jobs: int = 1
    table: Path | None = None
    limit_s: float = 30.0
    limit_mb: float = 2000.0
    most_mb: float = 32.0
    most_pixels: int = 40_000_000
    rate: int = 1200

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine reach it."""
        return is_loopback(self.host)

    @property
    def limits(self) -> Limits:
        """What is read of an image at most."""
        return Limits(round(self.most_mb * MB), self.most_pixels)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, seen from itself; other names than ``localhost`` are not looked up.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "ward7.example")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_token(path: Path) -> str:
    """The token of a file: its only line.

    Raises
    ------
    UserError
        It cannot be read, or holds no token of 16 or more printable characters.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(_MOST_TOKEN_BYTES).decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise UserError(f"the token file {path} cannot be read ({error}): a text file with one line was wanted, made "
                        "for example by `openssl rand -hex 32`") from error
    if len(text) < LEAST_TOKEN_CHARACTERS or not text.isprintable() or " " in text:
        raise UserError(f"the token file {path} holds {len(text)} characters: one line of at least "
                        f"{LEAST_TOKEN_CHARACTERS} letters and digits was wanted, made for example by `openssl rand "
                        "-hex 32`")
    return text


def check_settings(settings: ServeSettings) -> None:
    """Refuse to listen to other machines without a token.

    Raises
    ------
    UserError
    """
    if not settings.loopback and settings.token is None:
        raise UserError(f"--host {settings.host} lets other machines in, and no token was given: write one to a file "
                        "and name it with --token-file F, or leave --host out")
