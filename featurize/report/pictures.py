"""Pictures for a page: found again at their source, small, with the outlines of what was segmented.

A picture that cannot be found or read any more leaves a sentence in its place: a page is never refused for it.
"""
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from featurize.arrays import BoolArray, Float64Array, UInt8Array
from featurize.errors import UserError
from featurize.images.read import ImageError, Picture
from featurize.index.build import Source, load, source_of
from featurize.pipeline import sample_of
from featurize.presets.load import Preset, preset_from_dict
from featurize.report.charts import data_uri
from featurize.sample import Sample
from featurize.table import TableInfo

# Longest outlines that are drawn of one region.
MOST_OUTLINES = 150
# A contour of fewer points is a speck of the mask, too small to be seen on a thumbnail.
LEAST_CONTOUR_POINTS = 5
# Largest distance of a drawn outline from the contour, in pixels of the thumbnail.
OUTLINE_TOLERANCE_PX = .5
# Thumbnails from this side on have room for the whole sentence where a picture is missing, in pixels.
SENTENCE_PX = 160
# Characters of an error message that are shown.
MOST_ERROR_CHARACTERS = 160
JPEG_QUALITY = 84
# Regions whose edges are those of another one, or of the picture.
NOT_DRAWN = {"whole", "cytoplasm", "matrix", "lung"}
# Colors of outlines, by number, for the regions that many pages show.
TONES = {"cell": 0, "nucleus": 1, "nuclei": 1, "left_lung": 0, "right_lung": 1}
# R G B of these colors, as style.css has them.
TONE_COLORS = ((255, 225, 74), (63, 224, 255), (255, 154, 213), (182, 255, 107))
# Around a line that is drawn into pixels, so that it is seen on any ground.
_HALO = (40, 40, 40)
# Corners are drawn at 1/16 of a pixel.
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Edge:
    """A region to be outlined, and where its mask lies in the image as read.

    Parameters
    ----------
    name : str
        Of the region.
    mask : (h, w) bool
    left, top, width, height : float
        Place of the mask in the image as read, in its pixels: the image may have been cropped and scaled.
    """

    name: str
    mask: BoolArray
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Album:
    """Where pictures are, and how they were segmented.

    Parameters
    ----------
    sources : sequence of Source
    preset : Preset or None
        None: the table's preset can't be used by this version, so no outlines are drawn.
    mm_per_px : float or None
    """

    sources: Sequence[Source]
    preset: Preset | None
    mm_per_px: float | None


def album_of(info: TableInfo) -> Album:
    """The album of a table's images."""
    sources = tuple(Source(**s) for s in info.sources)
    try:
        preset = preset_from_dict(info.preset)
    except UserError:
        preset = None
    return Album(sources, preset, info.mm_per_px)


def find(album: Album, site: str | None, path: str) -> Picture | str:
    """The picture, or a sentence that says why there is none."""
    try:
        return load(source_of(album.sources, site), path)
    except (ImageError, UserError, OSError, KeyError) as error:
        return f"not shown: {path} could not be read again ({_first_line(error)})"


def show(album: Album, site: str | None, path: str, *, caption: str = "", small: str = "", side: int = 200,
         outlines: bool = True, alarm: bool = False) -> dict[str, Any]:
    """A picture for the template: thumbnail, outlines, captions.

    Parameters
    ----------
    album : Album
    site, path : str
        Where the picture is; site None = the only source.
    caption, small : str
        What stands below it, and in small letters below that.
    side : int
        The longer side of the thumbnail in pixels.
    outlines : bool
        Segment it again and draw the edges of its regions.
    alarm : bool
        A red frame.
    """
    picture = find(album, site, path)
    texts = {"caption": caption, "small": small, "alarm": alarm, "alt": f"{path} {caption}".strip()}
    if isinstance(picture, str):
        # In the place of a small picture there is room for three words; the mouse shows the whole sentence.
        return {"uri": None, "missing": picture if side >= SENTENCE_PX else "not found again", "why": picture,
                "outlines": [], **texts}
    edges = edges_of(picture, album) if outlines else []
    return {**thumbnail(picture.rgb, side, edges), **texts}


def thumbnail(rgb: UInt8Array, side: int, edges: Sequence[Edge] = ()) -> dict[str, Any]:
    """The picture part of `show` for pixels at hand: `uri, width, height, outlines`.

    An image smaller than half of `side` keeps its pixels, enlarged by a whole factor: a reader should see that it is
    small.
    """
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    if scale >= 2:
        small = np.repeat(np.repeat(rgb, int(scale), axis=0), int(scale), axis=1)
    else:
        shape = (max(1, round(width * min(scale, 1))), max(1, round(height * min(scale, 1))))
        small = np.asarray(cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA))
    zoom = small.shape[1] / width
    drawn = [{"name": e.name, "tone": tone_of(e.name), "d": d} for e in edges if (d := outline(e, zoom))]
    return {"uri": jpeg(small), "width": small.shape[1], "height": small.shape[0], "outlines": drawn}


def jpeg(rgb: UInt8Array, quality: int = JPEG_QUALITY) -> str:
    """(H, W, 3) uint8 as a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, optimize=True)
    return data_uri(buffer.getvalue(), "image/jpeg")


def outline(edge: Edge, zoom: float) -> str:
    """The edge of a region as an SVG path on a picture enlarged by `zoom`; "" for an empty mask."""
    return "".join("M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + "Z" for points in _corners(edge, zoom))


def _corners(edge: Edge, zoom: float) -> Iterator[Float64Array]:
    """(c, 2) x and y of each contour of a region, pixels of a picture enlarged by `zoom`, longest contour first."""
    contours, _ = cv2.findContours(np.pad(edge.mask, 1).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    scale = np.array([edge.width / edge.mask.shape[1], edge.height / edge.mask.shape[0]]) * zoom
    kept = sorted((c for c in contours if len(c) >= LEAST_CONTOUR_POINTS), key=len, reverse=True)[:MOST_OUTLINES]
    for contour in kept:
        # findContours names the centres of border pixels, shifted by the pad of one: -0.5 is the mask's own grid.
        points = (cv2.approxPolyDP(contour, OUTLINE_TOLERANCE_PX / max(scale), True)[:, 0].astype(float) - .5) * scale
        yield points + np.array([edge.left, edge.top]) * zoom


def draw_outlines(rgb: UInt8Array, side: int, edges: Sequence[Edge]) -> UInt8Array:
    """The picture with the edges of regions drawn into it, its longer side at most `side` pixels."""
    height, width = rgb.shape[:2]
    zoom = min(side / max(height, width), 1)
    shape = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    drawn = rgb.copy() if zoom == 1 else np.asarray(cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA))
    # OpenCV's whole numbers are middles of pixels, those of contours corners of pixels.
    lines = [(TONE_COLORS[tone_of(edge.name)], np.rint((points - .5) * 2 ** _SUBPIXEL_BITS).astype(np.int32))
             for edge in edges for points in _corners(edge, zoom)]
    for color, thickness in ((_HALO, 3), (None, 1)):
        for tone, points in lines:
            cv2.polylines(drawn, [points], True, color or tone, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
    return drawn


def tone_of(name: str) -> int:
    """Which of the four outline colors a region has, the same on every page."""
    return TONES.get(name, 2 + len(name) % 2)


def legend(pictures: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Names and colors of the outlines that were drawn on some pictures."""
    names = sorted({o["name"] for p in pictures for o in p.get("outlines", ())})
    return [{"name": name.replace("_", " "), "tone": tone_of(name)} for name in names]


def edges_of(picture: Picture, album: Album) -> list[Edge]:
    """What the table's own segmenter finds in the picture, put back to where it was in the image as read."""
    if album.preset is None:
        return []
    try:
        return edges_of_sample(picture, sample_of(picture, album.preset, album.mm_per_px))
    except ImageError:
        # Its regions were given by masks.
        return []


def edges_of_sample(picture: Picture, sample: Sample) -> list[Edge]:
    """The regions of a sample of the picture, put back to where they were in the image as read."""
    facts, (height, width) = sample.facts, picture.rgb.shape[:2]
    place = (facts.get("crop_left", 0), facts.get("crop_top", 0), facts.get("crop_width", width),
             facts.get("crop_height", height))
    return [Edge(name, mask, *place) for name, mask in sorted(sample.regions.items())
            if name not in NOT_DRAWN and mask.any()]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:MOST_ERROR_CHARACTERS]
