"""The schema of weights.json and start.json: linear log-odds as plain numbers."""
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classify.stored.faults import LARGEST, StoredFault, finite, wanted
from classify.stored.manifest import Number, first_fault

Numbers = list[Number]
Rows = list[Numbers]


class _Weights(BaseModel):
    """Keys as in `classify.fitting.linear.LinearModel`; older formats lack some."""

    model_config = ConfigDict(strict=True, extra="forbid")
    fill: Annotated[Numbers, Field(min_length=1)]
    center: Numbers
    weights: Rows
    base: Annotated[Numbers, Field(min_length=1)]
    scale: Numbers | None = None
    mean: Numbers | None = None
    largest: Annotated[float, Field(gt=0, le=LARGEST)] | None = None
    bend: Annotated[float, Field(ge=0, le=LARGEST)] = 0.0
    axes: list[Numbers] = []
    shared: Rows | None = None


def check_weights(data: bytes, features: int, outputs: int) -> None:
    """Compare linear log-odds with the number of features and of columns of the margin; raises `StoredFault`."""
    try:
        found = _Weights.model_validate_json(data)
    except ValidationError as error:
        raise StoredFault(first_fault(error)) from None
    d, k = features, outputs
    axes = _array(found.axes, "axes") if found.axes else np.zeros((d, 0))
    r = axes.shape[1]
    terms = d * (2 if found.bend else 1) + r * (r + 1) // 2
    zeros = np.zeros((d, k))
    shapes = {"fill": (_array(found.fill, "fill"), (d,)), "center": (_array(found.center, "center"), (d,)),
              "scale": (_array(found.scale or [1.0] * d, "scale"), (d,)),
              "mean": (_array(found.mean or [0.0] * d, "mean"), (terms,)),
              "weights": (_array(found.weights, "weights"), (terms, k)), "base": (_array(found.base, "base"), (k,)),
              "axes": (axes, (d, r)),
              "shared": (_array(found.shared, "shared") if found.shared else zeros, (d, k))}
    for name, (values, shape) in shapes.items():
        wanted(values.shape == shape, f"{name} has the shape {values.shape}, {shape} was wanted")
    wanted(bool((shapes["scale"][0] > 0).all()), "scale is not above 0")


def _array(values: object, name: str) -> np.ndarray:
    try:
        found = np.array(values, np.float64)
    except ValueError:
        raise StoredFault(f"the rows of {name} differ in length") from None
    wanted(finite(found), f"{name} holds NaN or numbers beyond {LARGEST:g}")
    return found
