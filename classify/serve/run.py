"""Start the server, and end it."""
import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import uvicorn

from classify.serve.app import make_app
from classify.serve.model import key_of, load_served
from classify.serve.settings import ServeSettings, check_settings
from featurize.errors import UserError

# Connections at a time: what each has sent so far is held in memory.
_MOST_CONNECTIONS = 64
# Seconds for requests that are under way when the server is stopped.
_STOP_SECONDS = 10


def serve(settings: ServeSettings, tell: Callable[[str], None]) -> None:
    """Serve a model until Ctrl-C.

    Parameters
    ----------
    settings : ServeSettings
    tell : callable
        Called with the address when the server answers.

    Raises
    ------
    UserError
        No model there, one that this version cannot use, another host than this machine without a token, or the port
        is taken.
    """
    check_settings(settings)
    key = key_of(settings)
    bundle = load_served(key).bundle
    listening = _listen(settings.host, settings.port)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listening.getsockname()[1]}/"
    app = make_app(settings, key, bundle, lambda: tell(address))
    # No log of requests, and none of broken ones, which callers could fill a disk with: /metrics counts them.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False, proxy_headers=False,
                            limit_concurrency=_MOST_CONNECTIONS, timeout_graceful_shutdown=_STOP_SECONDS)
    # uvicorn answers what is under way and then raises the signal again: without a handler the processes of this one
    # would leave their semaphores behind.
    signal.signal(signal.SIGTERM, _end)
    with listening:
        uvicorn.Server(config).run(sockets=[listening])


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens."""
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(place[0]), port), family=family)
    except (OSError, OverflowError) as error:
        raise UserError(f"--host {host} --port {port}: cannot listen there ({error}): give another --port, or end the "
                        "program that has it") from error
