"""What is sent to a worker process, and what comes back: an answer, a picture, a part of a page, or a fault."""
import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from PIL import Image

from classify.serve.examine import IMAGE_FAULTS, Examined, Segmented, examine, fault_of_image, segmented
from classify.serve.model import ModelKey, Served, load_served
from classify.serve.page import answer_part
from classify.serve.result import Answer, Fault
from featurize.arrays import UInt8Array
from featurize.images.picture import Limits
from featurize.report.pictures import draw_outlines
from featurize.runtime import limits
from featurize.simulate.smears import draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue

Said = TypeVar("Said")

# Longer side of the picture with outlines, pixels.
OVERLAY_PX = 1024
# By segmenter, a picture in which it finds something: all that it calls is then loaded.
_DRAWN: dict[str, Callable[[], UInt8Array]] = {
    "cell": lambda: draw_cell("neutrophil", 1).rgb, "tissue": lambda: draw_tissue(1).rgb,
    "xray": lambda: draw_film(1).gray, "whole": lambda: draw_cell("monocyte", 1).rgb}


@dataclass(frozen=True)
class Job:
    """One image for a worker.

    Parameters
    ----------
    key : ModelKey
    data : bytes
        The content of the file.
    limits : Limits
        What is read at most.
    limit_mb : float
        Memory that it may take.
    """

    key: ModelKey
    data: bytes
    limits: Limits
    limit_mb: float


def answer_job(job: Job, overlay: bool) -> Answer | Fault:
    """All that is said of an image; with `overlay` its picture, too."""
    def said(served: Served) -> Answer:
        found = examine(served, job.data, job.limits)
        return replace(found.answer, overlay_png=_base64(found)) if overlay else found.answer
    return _within_limits(job, said)


def overlay_job(job: Job) -> bytes | Fault:
    """The image with the outlines of what is measured, PNG."""
    return _within_limits(job, lambda served: _overlay(segmented(served, job.data, job.limits)))


def page_job(job: Job) -> str | Fault:
    """All that is said of an image, as a part of the page."""
    def said(served: Served) -> str:
        found = examine(served, job.data, job.limits)
        return answer_part(served, found.answer, found.segmented, found.similar)
    return _within_limits(job, said)


def get_ready(key: ModelKey) -> None:
    """Load the model and, by a drawn picture, the compiled loops: the first image then waits no longer than others.

    Raises
    ------
    UserError
        As `load_served` does.
    """
    served = load_served(key)
    drawn = _DRAWN.get(served.preset.segment, _DRAWN["whole"])
    examine(served, _png(drawn()), Limits())


def _within_limits(job: Job, said: Callable[[Served], Said]) -> Said | Fault:
    served = load_served(job.key)
    memory = limits.Limits(mb=job.limit_mb if limits.can_limit_memory() else None)
    try:
        with limits.held_to(memory):
            return said(served)
    except IMAGE_FAULTS as error:
        return fault_of_image(error)


def _base64(found: Examined) -> str:
    return base64.b64encode(_overlay(found.segmented)).decode("ascii")


def _overlay(found: Segmented) -> bytes:
    return _png(draw_outlines(found.picture.rgb, OVERLAY_PX, found.edges))


def _png(pixels: UInt8Array) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
