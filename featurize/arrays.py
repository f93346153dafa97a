"""Array types: the annotation says the element type, the docstring of a function the shape and the unit."""
import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
UInt8Array = NDArray[np.uint8]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
IntpArray = NDArray[np.intp]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Complex128Array = NDArray[np.complex128]
