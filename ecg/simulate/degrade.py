"""What happens to a page on its way into a computer: scanners, cameras, screens, coffee, mould, folds.

Standard deviations of blur are in px, those of noise in gray levels of 0 to 255.
"""
from collections.abc import Callable

import cv2
import numpy as np

from featurize.arrays import Float32Array, Float64Array, UInt8Array

Degradation = Callable[[UInt8Array, np.random.Generator], UInt8Array]
# Where rays of a camera meet bent paper. Given: place of the camera across the bend, how far each ray (n,) goes
# sideways until it is at the level of flat paper, height of the camera, all in mm. Returned, (n,) each: share of that
# way at which the ray meets the paper, and the distance along the paper, mm.
RayMeetsPaper = Callable[[Float64Array, Float64Array, float], tuple[Float64Array, Float64Array]]

# Width of a page where lengths are given in mm.
_PAGE_MM = 285.0
# Height of the camera above bent paper, and how far it may be to the side, mm.
_LOWEST_CAMERA_MM = 350
_HIGHEST_CAMERA_MM = 550
_CAMERA_ASIDE_MM = 60
# Bent paper is shown so much smaller, so that its edges stay in the picture.
_ZOOM_OUT = 1.12
# JPEG qualities that are drawn from: from the first, below the second.
_JPEG_QUALITIES = (60, 91)
# Distinguishes this random generator from those of other modules with the same seed.
_STREAM = 41


def scan(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """A color scan: turned by up to one degree, slightly soft, tinted, noisy, JPEG."""
    out = _turned(rgb, rng.uniform(-1, 1), (250, 250, 250))
    out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.5, 0.8)).astype(np.float32)
    out = 255 - (255 - out) * rng.uniform(0.75, 0.95, 3) - rng.uniform(0, 12, 3)
    return jpeg(_noisy(out, 3, rng), rng)


def gray_scan(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """A scan in shades of gray."""
    gray = cv2.cvtColor(scan(rgb, rng), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB))


def black_and_white(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """A fax: one bit a pixel. Of a colored grid only the strong lines stay, with gaps."""
    gray = cv2.cvtColor(_turned(rgb, rng.uniform(-0.5, 0.5), (255, 255, 255)), cv2.COLOR_RGB2GRAY)
    hard = np.where(gray + rng.normal(0, 12, gray.shape) > 120, 255, 0).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hard, cv2.COLOR_GRAY2RGB))


def photo(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """A photograph by a hand-held camera: tilted, on a table, lit from one side, soft, noisy, JPEG."""
    out = _tilted(rgb, rng, 0.06).astype(np.float32)
    out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.6, 1.0)) * _light(out.shape, rng, 0.35)[..., None]
    return jpeg(_noisy(out, 5, rng), rng)


def screen(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """A photograph of a screen: tilted, with the moire of two pixel rasters."""
    out = _tilted(rgb, rng, 0.04).astype(np.float32)
    y, x = np.mgrid[:out.shape[0], :out.shape[1]].astype(np.float32)
    for channel in range(3):
        fx, fy = rng.normal(0, 0.04, 2)
        out[..., channel] *= 1 + 0.07 * np.sin(2 * np.pi * (fx * x + fy * y) + rng.uniform(0, 6))
    out = cv2.GaussianBlur(out, (0, 0), 0.7) * _light(out.shape, rng, 0.2)[..., None]
    return jpeg(_noisy(out, 4, rng), rng)


def stains(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Coffee stains: brown, transparent, darker at the rim."""
    out = rgb.astype(np.float32)
    for _ in range(rng.integers(3, 7)):
        field = _blob(rgb.shape, rng, rng.uniform(0.05, 0.16))
        rim = np.exp(-((field - 0.5) / 0.05) ** 2)
        cover = (0.35 * (field > 0.5) + 0.35 * rim)[..., None] * rng.uniform(0.5, 1)
        out *= 1 - cover * np.array([0.25, 0.45, 0.7], np.float32)
    return jpeg(_noisy(out, 2, rng), rng)


def mould(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Mould: 40 to 89 gray-green spots that cover up to 60 %."""
    out = rgb.astype(np.float32)
    for _ in range(rng.integers(40, 90)):
        field = _blob(rgb.shape, rng, rng.uniform(0.002, 0.012))
        cover = (np.clip((field - 0.4) * 4, 0, 1) * rng.uniform(0.15, 0.6))[..., None]
        out = out * (1 - cover) + np.array([105, 115, 95], np.float32) * cover
    return jpeg(_noisy(out, 2, rng), rng)


def creases(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Creases: bright or dark lines across the page, shaded at both sides, with the paper displaced by some px."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    shade, shift = np.ones((height, width), np.float32), np.zeros((height, width), np.float32)
    for _ in range(rng.integers(2, 5)):
        angle = rng.uniform(0, np.pi)
        nx, ny = np.cos(angle), np.sin(angle)
        d = (x - rng.uniform(0.2, 0.8) * width) * nx + (y - rng.uniform(0.2, 0.8) * height) * ny
        shade *= 1 + rng.uniform(-0.15, 0.15) * np.tanh(d / 60) * np.exp(-np.abs(d) / 250)
        shade += rng.choice([-0.25, 0.25]) * np.exp(-(d / 1.5) ** 2)
        shift += rng.uniform(-1.5, 1.5) * np.exp(-np.abs(d) / 120)
    bent = cv2.remap(rgb, x + 0.3 * shift, y + shift, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return jpeg(_noisy(bent * shade[..., None], 3, rng), rng)


def curl(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """A photograph of paper that stays curled: a cylinder about a slanted axis, 5 to 15 mm high.

    Where a ray of the camera meets the cylinder is the solution of a quadratic equation. The arc from the top of the
    cylinder to there is the distance along the paper.
    """
    up = rng.choice([-1.0, 1.0])
    radius = up * (0.5 * _PAGE_MM) ** 2 / (2 * rng.uniform(5, 15))

    def meets(start: Float64Array, step: Float64Array, far: float) -> tuple[Float64Array, Float64Array]:
        a, b = step ** 2 + far ** 2, 2 * start * step - 2 * far * (far + radius)
        c = start ** 2 + far ** 2 + 2 * far * radius
        s = (-b - up * np.sqrt(np.maximum(b ** 2 - 4 * a * c, 0))) / (2 * a)
        return s, abs(radius) * np.arcsin(np.clip((start + s * step) / abs(radius), -1, 1))

    out = _photographed(rgb, rng, rng.normal(0, 0.3) + rng.choice([0, np.pi / 2]), meets).astype(np.float32)
    out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.6, 1.0)) * _light(out.shape, rng, 0.3)[..., None]
    return jpeg(_noisy(out, 4, rng), rng)


def folds(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """A photograph of paper that was folded in two or three: each part is a plane, tilted by 2 to 8 degrees."""
    edges = np.r_[-_PAGE_MM, np.sort(rng.uniform(-0.3, 0.3, rng.integers(1, 3))) * _PAGE_MM, _PAGE_MM]
    sign = rng.choice([-1, 1]) * (-1.0) ** np.arange(len(edges) - 1)
    lean = np.radians(rng.uniform(2, 8, len(edges) - 1)) * sign
    at = np.cumsum(np.r_[0, np.diff(edges) * np.cos(lean)]), np.cumsum(np.r_[0, np.diff(edges) * np.sin(lean)])
    across, high = (a - np.interp(0, edges, a) for a in at)

    def meets(start: Float64Array, step: Float64Array, far: float) -> tuple[Float64Array, Float64Array]:
        found_s, found_t = np.ones_like(start + step), np.full_like(start + step, np.inf)
        for k, angle in enumerate(lean):
            sine, cosine = np.sin(angle), np.cos(angle)
            s = ((far - high[k]) * cosine - (start - across[k]) * sine) / (step * sine + far * cosine)
            t = edges[k] + (start + s * step - across[k]) / cosine
            on = (t >= edges[k]) & (t <= edges[k + 1])
            found_s, found_t = np.where(on, s, found_s), np.where(on, t, found_t)
        return found_s, found_t

    out = _photographed(rgb, rng, rng.normal(0, 0.2) + rng.choice([0, np.pi / 2]), meets).astype(np.float32)
    out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.6, 1.0)) * _light(out.shape, rng, 0.3)[..., None]
    return jpeg(_noisy(out, 4, rng), rng)


def tears(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Pieces torn out of the lower margin and patches rubbed bare, without any trace left."""
    out = rgb.copy()
    height, width = rgb.shape[:2]
    for _ in range(rng.integers(2, 5)):
        x, deep = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.3) * height
        wedge = np.array([[x, height - deep], [x - 0.02 * width, height], [x + 0.02 * width, height]])
        cv2.fillPoly(out, [wedge.astype(np.int32)], (190, 185, 175))
    for _ in range(rng.integers(2, 6)):
        center = (int(rng.uniform(0.1, 0.9) * width), int(rng.uniform(0.35, 0.9) * height))
        cv2.ellipse(out, center, (int(0.012 * width), int(0.02 * height)), rng.uniform(0, 180), 0, 360,
                    (246, 244, 240), -1, cv2.LINE_AA)
    return jpeg(out, rng)


def jpeg(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Through JPEG of quality 60 to 90."""
    quality = int(rng.integers(*_JPEG_QUALITIES))
    packed = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.cvtColor(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB))


KINDS: dict[str, Degradation] = {
    "clean": lambda rgb, rng: rgb, "scan": scan, "gray_scan": gray_scan, "black_and_white": black_and_white,
    "photo": photo, "screen": screen, "stains": stains, "mould": mould, "creases": creases, "tears": tears,
    "jpeg": jpeg, "curl": curl, "folds": folds}


def degrade(rgb: UInt8Array, kind: str, seed: int) -> UInt8Array:
    """One of `KINDS`, the same each time for the same seed."""
    return KINDS[kind](rgb, np.random.default_rng([seed, _STREAM]))


def _turned(rgb: UInt8Array, degrees: float, paper: tuple[int, int, int]) -> UInt8Array:
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(rgb, turn, (width, height), flags=cv2.INTER_CUBIC, borderValue=paper))


def _tilted(rgb: UInt8Array, rng: np.random.Generator, most: float) -> UInt8Array:
    """On a dark table with a margin, each corner moved by up to `most` of the page."""
    height, width = rgb.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    moved = (corners + inward * rng.uniform(0.01, most + 0.01, (4, 2)) * [width, height]).astype(np.float32)
    table = tuple(int(v) for v in rng.uniform(60, 120, 3))
    return np.asarray(cv2.warpPerspective(rgb, cv2.getPerspectiveTransform(corners, moved), (width, height),
                                          flags=cv2.INTER_CUBIC, borderValue=table))


def _photographed(rgb: UInt8Array, rng: np.random.Generator, angle: float, meets: RayMeetsPaper) -> UInt8Array:
    """Bent paper as a pinhole camera above it, a little to the side, shows it.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    rng : Generator
    angle : float
        Direction along which the height of the paper changes, radians from the x axis.
    meets : RayMeetsPaper
    """
    height, width = rgb.shape[:2]
    mm = _PAGE_MM / width
    y, x = np.mgrid[:height, :width].astype(np.float64)
    zoom = _ZOOM_OUT * mm
    x, y = (x - width / 2) * zoom, (y - height / 2) * zoom
    far = rng.uniform(_LOWEST_CAMERA_MM, _HIGHEST_CAMERA_MM)
    eye_x, eye_y = rng.uniform(-_CAMERA_ASIDE_MM, _CAMERA_ASIDE_MM, 2)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    p, q = turn[0, 0] * x + turn[0, 1] * y, turn[1, 0] * x + turn[1, 1] * y
    eye_p, eye_q = turn @ [eye_x, eye_y]
    s, along = meets(np.asarray(eye_p), p - eye_p, far)
    beside = eye_q + s * (q - eye_q)
    from_x, from_y = turn[0, 0] * along + turn[1, 0] * beside, turn[0, 1] * along + turn[1, 1] * beside
    table = tuple(int(v) for v in rng.uniform(60, 120, 3))
    return np.asarray(cv2.remap(rgb, (from_x / mm + width / 2).astype(np.float32),
                                (from_y / mm + height / 2).astype(np.float32), cv2.INTER_CUBIC,
                                borderMode=cv2.BORDER_CONSTANT, borderValue=table))


def _light(shape: tuple[int, ...], rng: np.random.Generator, depth: float) -> Float32Array:
    """(H, W) factor on brightness: bright at one side, dark at the other, with faint waves."""
    y, x = np.mgrid[:shape[0], :shape[1]].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = (x / shape[1] - 0.5) * np.cos(angle) + (y / shape[0] - 0.5) * np.sin(angle)
    return np.asarray(1 - depth * (0.5 + along) + 0.1 * depth * np.cos(7 * along), np.float32)


def _blob(shape: tuple[int, ...], rng: np.random.Generator, size: float) -> Float32Array:
    """(H, W) bump of 0 to 1 with a ragged edge somewhere on the page; its radius is `size` times the width."""
    height, width = shape[:2]
    y, x = np.mgrid[:height:4, :width:4].astype(np.float32)
    radius = size * width
    d = np.hypot(x - rng.uniform(0, width), y - rng.uniform(0, height))
    ragged = cv2.GaussianBlur(rng.normal(0, 1, d.shape).astype(np.float32), (0, 0), max(1.0, radius / 30))
    bump = np.clip(1 - 0.5 * d / radius + 0.15 * ragged / max(float(ragged.std()), 1e-6) * (d < 3 * radius), 0, 1)
    return np.asarray(cv2.resize(bump, (width, height), interpolation=cv2.INTER_LINEAR))


def _noisy(values: Float32Array, sigma: float, rng: np.random.Generator) -> UInt8Array:
    grain = rng.standard_normal(values.shape, dtype=np.float32) * np.float32(sigma)
    return np.clip(values + grain, 0, 255).astype(np.uint8)
