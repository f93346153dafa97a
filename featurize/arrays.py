"""Array types."""
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]

Ints = NDArray[np.int32]

Mask = NDArray[np.bool_]
Map = NDArray[np.float32]
