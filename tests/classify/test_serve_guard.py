"""What may come in to a server, before anything of the model is touched; and how its processes die."""
import asyncio
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="extra serve")
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import PlainTextResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

from classify.serve import guard  # noqa: E402
from classify.serve.guard import Guard, Rates  # noqa: E402
from classify.serve.result import Fault  # noqa: E402
from classify.serve.settings import ServeSettings, check_settings, is_loopback, read_token  # noqa: E402
from classify.serve.workers import WAITING_A_PROCESS, Busy, Workers  # noqa: E402
from featurize.errors import UserError  # noqa: E402

TOKEN = "0123456789abcdef0123"
SETTINGS = ServeSettings(Path("run"), most_mb=0.01)


def client(settings: ServeSettings, base_url: str = "http://127.0.0.1") -> TestClient:
    """A server that tells the size of what came, behind the guard."""
    async def size(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))
    routes = [Route(path, size, methods=["GET", "POST"]) for path in ("/", "/health", "/predict", "/predict/batch")]
    return TestClient(Guard(Starlette(routes=routes), settings, Rates(settings.rate)), base_url)


def test_without_a_token_only_the_empty_page_and_health_answer() -> None:
    asked = client(replace(SETTINGS, token=TOKEN))
    assert [asked.get(path).status_code for path in ("/", "/health", "/predict")] == [200, 200, 401]
    for wrong in ("", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", "Bearer \u00e9"):
        refused = asked.post("/predict", headers={"Authorization": wrong.encode()})
        assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"
        assert refused.json()["reason"] == "no_token"
    assert asked.post("/predict", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.0.0.1:8765", "[::1]:8765"])
def test_a_loopback_server_answers_to_its_own_names(name: str) -> None:
    assert client(SETTINGS).get("/", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
def test_a_name_that_was_pointed_at_this_machine_is_refused(name: str) -> None:
    refused = client(SETTINGS).get("/health", headers={"Host": name})
    assert refused.status_code == 403 and refused.json()["reason"] == "wrong_origin"


@pytest.mark.parametrize(("origin", "status"), [("http://127.0.0.1", 200), ("http://evil.example", 403), ("null", 403)])
def test_pages_of_other_sites_cannot_send_images(origin: str, status: int) -> None:
    assert client(SETTINGS).post("/predict", headers={"Origin": origin}).status_code == status


def test_too_large_a_body_is_refused_by_its_header_and_by_what_comes() -> None:
    asked, most = client(SETTINGS), round(.01 * 2 ** 20) + 64 * 1024
    assert asked.post("/predict", content=b"a" * most).text == str(most)
    assert asked.post("/predict", content=b"a" * (most + 1)).status_code == 413

    def parts() -> Iterator[bytes]:
        for _ in range(most // 1000 + 1):
            yield b"a" * 1000
    # Sent in parts, without a length.
    assert asked.post("/predict", content=parts()).status_code == 413
    assert asked.post("/predict/batch", content=parts()).status_code == 200, "a batch may be larger"


def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "UPLOAD_SECONDS", .05)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(30)
        return {"type": "http.request"}

    async def ask() -> list[dict[str, object]]:
        sent: list[dict[str, object]] = []

        async def send(message: dict[str, object]) -> None:
            sent.append(message)
        scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "root_path": "",
                 "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
        await client(SETTINGS).app(scope, receive, send)  # type: ignore[arg-type]
        return sent
    start = time.monotonic()
    assert asyncio.run(ask())[0]["status"] == 408 and time.monotonic() - start < 10


def test_an_address_may_send_so_many_images_a_minute() -> None:
    asked = client(replace(SETTINGS, rate=3))
    assert [asked.post("/predict").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = asked.post("/predict")
    assert "more than 3 images a minute" in refused.json()["error"] and 1 <= int(refused.headers["retry-after"]) <= 120
    assert asked.get("/").status_code == 200, "looking is free"


def test_every_answer_forbids_what_comes_from_elsewhere() -> None:
    asked = client(SETTINGS)
    answers = [asked.get("/"), asked.get("/nowhere"), asked.get("/", headers={"Host": "evil.example"})]
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    nonces = {re.findall("nonce-([^']+)", a.headers["content-security-policy"])[0] for a in answers}
    assert len(nonces) == 3


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "ward7.example"])
def test_other_machines_are_let_in_with_a_token_only(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(UserError, match=f"--host {host} lets other machines in, and no token was given.*--token-file"):
        check_settings(replace(SETTINGS, host=host))
    check_settings(replace(SETTINGS, host=host, token=TOKEN))


def test_a_token_is_a_line_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "good").write_text(f"{TOKEN}\n")
    assert read_token(tmp_path / "good") == TOKEN
    for name, content in (("short", b"secret\n"), ("two", b"0123456789abcdef 0123456789\n"), ("bytes", b"\xff" * 40),
                          ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name}.*one line"):
            read_token(tmp_path / name)
    with pytest.raises(UserError, match="cannot be read"):
        read_token(tmp_path / "none")


def nothing() -> None:
    """What a process does to be ready."""


def test_a_crash_and_a_hang_cost_one_image_each_and_others_go_on() -> None:
    async def work() -> tuple[list[object], int]:
        restarts: list[int] = []
        workers = Workers(2, 1.5, os.getpid, lambda: restarts.append(1))  # type: ignore[arg-type]
        await workers.start()
        try:
            said = list(await asyncio.gather(workers.run(os._exit, 3), workers.run(time.sleep, 60),
                                             *(workers.run(abs, -at) for at in range(4))))
            said += [await workers.run(abs, -9)]
        finally:
            await workers.stop()
        return said, len(restarts)
    said, restarts = asyncio.run(work())
    crashed, slow, *fine = said
    assert isinstance(crashed, Fault) and crashed.reason == "crashed"
    assert isinstance(slow, Fault) and slow.reason == "too_slow" and "more than the 1.5 s" in slow.error
    assert fine == [0, 1, 2, 3, 9] and restarts == 2


def test_more_images_than_can_wait_are_refused() -> None:
    async def work() -> list[object]:
        workers = Workers(1, 20, nothing)
        await workers.start()
        try:
            asked = [workers.run(time.sleep, .2) for _ in range(WAITING_A_PROCESS + 3)]
            return list(await asyncio.gather(*asked, return_exceptions=True))
        finally:
            await workers.stop()
    said = asyncio.run(work())
    assert sum(isinstance(one, Busy) for one in said) == 2 and said.count(None) == WAITING_A_PROCESS + 1
