"""The endpoints. They look at no path and no name that a caller sends: images are bytes, and numbered as they came."""
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from classify.bundle import Bundle
from classify.runtime.versions import library_versions
from classify.serve.counts import Counting, Counts
from classify.serve.guard import BATCH, Guard, Rates, address_of, error_answer
from classify.serve.jobs import Job, answer_job, get_ready, overlay_job, page_job
from classify.serve.model import ModelKey
from classify.serve.page import shown_classes, start_page
from classify.serve.result import Answer, BatchAnswers, Fault, Version
from classify.serve.settings import MOST_OF_BATCH, ServeSettings
from classify.serve.workers import Busy, Workers
from featurize.errors import UserError
from featurize.report.page import product

Result = TypeVar("Result")

# Faults of the server's own limits; all others are those of the image.
_STATUS = {"too_large": 413, "too_slow": 503, "internal": 500, "crashed": 500}
_IMAGE_FAULT = 422
_DESCRIPTION = ("Named measurements of a medical image, and what a saved model says of it. Research use only, not a "
                "medical device.")
_REFUSED = (400, 401, 403, 408, 413, 422, 429, 500, 503)
_FAULTS: dict[int | str, dict[str, Any]] = {status: {"model": Fault} for status in _REFUSED}


def make_app(settings: ServeSettings, key: ModelKey, bundle: Bundle,
             tell: Callable[[], None] = lambda: None) -> FastAPI:
    """The application for an ASGI server.

    Parameters
    ----------
    settings : ServeSettings
    key : ModelKey
        What the worker processes load.
    bundle : Bundle
        The same model: its classes and settings are told.
    tell : callable
        Called when all processes are ready.
    """
    counts, rates = Counts(), Rates(settings.rate)
    workers = Workers(settings.jobs, settings.limit_s, partial(get_ready, key), counts.restarts.inc)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await workers.start()
        tell()
        yield
        await workers.stop()

    # The interactive pages of FastAPI load scripts from elsewhere: /openapi.json is there for tools that one has.
    app = FastAPI(title="Pellucid", version=product(), description=_DESCRIPTION, docs_url=None, redoc_url=None,
                  lifespan=lifespan)
    service = _Service(settings, key, bundle, workers, counts, rates)
    service.add_endpoints(app)
    _add_errors(app)
    app.add_middleware(Guard, settings=settings, rates=rates)
    app.add_middleware(Counting, counts=counts)
    return app


class _Service:
    """The endpoints of one application, and what they share."""

    def __init__(self, settings: ServeSettings, key: ModelKey, bundle: Bundle, workers: Workers, counts: Counts,
                 rates: Rates) -> None:
        self._settings, self._key, self._bundle = settings, key, bundle
        self._workers, self._counts, self._rates = workers, counts, rates

    def add_endpoints(self, app: FastAPI) -> None:
        """Name every path."""
        app.post("/predict", responses=_FAULTS, summary="All that is said of an image")(self.predict)
        app.post(BATCH, responses=_FAULTS, summary="The same of several images")(self.batch)
        app.post("/overlay", responses=_FAULTS, response_class=Response,
                 summary="The image with the outlines of what is measured, PNG")(self.overlay)
        app.post("/page/answer", include_in_schema=False, response_class=HTMLResponse)(self.page_answer)
        app.get("/", include_in_schema=False, response_class=HTMLResponse)(self.page)
        app.get("/health", summary="Whether the server lives")(self.health)
        app.get("/version", summary="Which model answers, with which program")(self.version)
        app.get("/metrics", response_class=PlainTextResponse, summary="Counts and seconds for Prometheus")(self.metrics)

    async def predict(self, image: Annotated[UploadFile, File(description="An image file.")],
                      overlay: Annotated[bool, Form(description="Add the image with outlines.")] = False) -> Answer:
        """Prediction, calibrated probabilities, prediction set, review, novelty, attribution and nearest cases."""
        return _checked(await self._work(partial(answer_job, overlay=overlay), await image.read()))

    async def batch(self, request: Request, images: Annotated[list[UploadFile], File(
            description=f"Image files, at most {MOST_OF_BATCH}.", min_length=1)]) -> BatchAnswers:
        """An answer or a fault for each image, in the order in which they came; each is looked at by itself."""
        if len(images) > MOST_OF_BATCH:
            raise HTTPException(413, f"{len(images)} images came, at most {MOST_OF_BATCH} are taken at a time")
        if not self._rates.allow(address_of(request.scope), len(images) - 1):
            raise HTTPException(429, f"more than {self._settings.rate} images a minute came from this address: wait")
        # A batch works on as many images at a time as there are processes, and leaves the queue to others.
        turns = asyncio.Semaphore(self._settings.jobs)

        async def one(image: UploadFile) -> Answer | Fault:
            async with turns:
                return await self._work(partial(answer_job, overlay=False), await image.read())
        return BatchAnswers(list(await asyncio.gather(*map(one, images))))

    async def overlay(self, image: Annotated[UploadFile, File(description="An image file.")]) -> Response:
        """What is measured: nucleus and cell, nuclei of tissue, lung fields."""
        return Response(_checked(await self._work(overlay_job, await image.read())), media_type="image/png")

    async def page_answer(self, image: Annotated[UploadFile, File()]) -> HTMLResponse:
        """The part of the page that shows an answer."""
        return HTMLResponse(_checked(await self._work(page_job, await image.read())))

    async def page(self, request: Request) -> HTMLResponse:
        """The page on which a person drops an image."""
        closed = self._settings.token is not None
        named = () if closed else tuple(shown_classes(self._bundle).values())
        return HTMLResponse(start_page(request.state.nonce, named, closed, f"{self._settings.most_mb:g} MB"))

    async def health(self) -> dict[str, str]:
        """The server starts to answer when its processes are ready."""
        return {"status": "ok"}

    async def version(self) -> Version:
        """The model by its hash, and versions here and where it was trained."""
        bundle = self._bundle
        return Version(product(), self._key.sha256, bundle.kind, bundle.classes, str(bundle.preset.get("name", "")),
                       library_versions(), bundle.versions)

    async def metrics(self) -> PlainTextResponse:
        """Counts of requests and images, seconds, processes that were replaced."""
        self._counts.waiting.set(self._workers.waiting)
        return PlainTextResponse(self._counts.text())

    async def _work(self, job: Callable[[Job], Result | Fault], data: bytes) -> Result | Fault:
        """Send an image to a process."""
        try:
            said = await self._workers.run(job, Job(self._key, data, self._settings.limits, self._settings.limit_mb))
        except Busy:
            raise HTTPException(503, "too many images are waiting: send this one again later",
                                {"Retry-After": "1"}) from None
        except UserError as error:
            raise HTTPException(503, str(error)) from error
        self._counts.images.labels(said.reason if isinstance(said, Fault) else "ok").inc()
        if isinstance(said, Answer) and said.review:
            self._counts.review.inc()
        return said


class _ImageFault(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def _checked(said: Result | Fault) -> Result:
    if isinstance(said, Fault):
        raise _ImageFault(said)
    return said


def _add_errors(app: FastAPI) -> None:
    """Every error becomes a line and a word."""
    @app.exception_handler(_ImageFault)
    async def of_image(_: Request, error: _ImageFault) -> Response:
        return error_answer(_STATUS.get(error.fault.reason, _IMAGE_FAULT), error.fault.error, error.fault.reason)

    @app.exception_handler(HTTPException)
    async def of_call(_: Request, error: HTTPException) -> Response:
        return error_answer(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def of_form(request: Request, _: RequestValidationError) -> Response:
        wanted = "images, each with a file" if request.url.path == BATCH else "image, with a file"
        return error_answer(_IMAGE_FAULT, f"a form (multipart/form-data) with the field {wanted} was wanted: curl -F "
                            f"{'images' if request.url.path == BATCH else 'image'}=@cell.png", "wrong_call")

    @app.exception_handler(Exception)
    async def of_program(_: Request, error: Exception) -> Response:
        return error_answer(500, "the program failed on this request: its log says where", "internal")
