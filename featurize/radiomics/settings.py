"""RadiomicsSettings of the radiomics families, with pyradiomics' names and defaults."""
import math
from dataclasses import dataclass
from numbers import Integral

WEIGHTINGS = (None, "no_weighting", "infinity", "euclidean", "manhattan")


@dataclass(frozen=True)
class RadiomicsSettings:
    """How a region is quantized and counted.

    Parameters
    ----------
    bin_width : float
        Width of a gray level in values of the plane (pyradiomics' ``binWidth``).
    bin_count : int or None
        Number of gray levels over the region's own range instead (``binCount``).
    distances : tuple of int
        Chebyshev distances in px of the neighbors in GLCM, GLDM, NGLDM and NGTDM.
    symmetrical_glcm : bool
    weighting_norm : str or None
        None: features of every direction, then their mean. Else directions are added into one matrix, weighted by the
        length of their step (``weightingNorm``).
    gldm_a : int
        Largest difference of gray levels of dependent pixels.
    voxel_array_shift : float
        Added to values before they are squared in energy and root mean squared.
    spacing : (float, float)
        Height and width of a pixel, in the unit that lengths are wanted in.
    """

    bin_width: float = 25.0
    bin_count: int | None = None
    distances: tuple[int, ...] = (1,)
    symmetrical_glcm: bool = True
    weighting_norm: str | None = None
    gldm_a: int = 0
    voxel_array_shift: float = 0.0
    spacing: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        object.__setattr__(self, "distances", tuple(self.distances))
        object.__setattr__(self, "spacing", tuple(self.spacing))
        if not 0 < self.bin_width < math.inf:
            raise ValueError(f"bin_width {self.bin_width!r}: a number above 0 is wanted")
        if self.bin_count is not None and not (_whole(self.bin_count) and 1 <= self.bin_count <= 65_000):
            raise ValueError(f"bin_count {self.bin_count!r}: a whole number from 1 to 65,000 is wanted")
        if not self.distances or not all(_whole(d) and 1 <= d <= 255 for d in self.distances):
            raise ValueError(f"distances {self.distances!r}: whole numbers of pixels from 1 to 255 are wanted")
        if self.weighting_norm not in WEIGHTINGS:
            known = ", ".join(str(w) for w in WEIGHTINGS)
            raise ValueError(f"weighting_norm {self.weighting_norm!r} is unknown: {known}")
        if not (_whole(self.gldm_a) and 0 <= self.gldm_a <= 65_535):
            raise ValueError(f"gldm_a {self.gldm_a!r}: a whole number from 0 to 65,535 is wanted")
        if not math.isfinite(self.voxel_array_shift):
            raise ValueError(f"voxel_array_shift {self.voxel_array_shift!r}: a finite number is wanted")
        if len(self.spacing) != 2 or not all(0 < length < math.inf for length in self.spacing):
            raise ValueError(f"spacing {self.spacing!r}: two lengths above 0 are wanted")


def _whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
