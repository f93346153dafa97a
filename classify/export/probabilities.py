"""Calibrated probabilities as steps of a graph."""
import numpy as np

from classify.export.graph import Graph
from classify.uncertainty.calibrate import Calibration


def probabilities(graph: Graph, margins: str, outputs: int, calibration: Calibration) -> str:
    """The step with the (n, K) probabilities that `classify.uncertainty.calibrate.probabilities` gives.

    Parameters
    ----------
    graph : Graph
    margins : str
        The step with the (n, k) margins.
    outputs : int
        k; 1 for two classes.
    calibration : Calibration
    """
    logits = graph.add("MatMul", margins, np.array([[0.0, 1.0]])) if outputs == 1 else margins
    if calibration.method == "matrix":
        scores = graph.add("MatMul", graph.add("LogSoftmax", logits, axis=1), np.array(calibration.matrix).T)
        raw = graph.add("Softmax", graph.add("Add", scores, np.array(calibration.bias)), axis=1)
    else:
        scores = graph.add("Div", logits, calibration.temperature)
        if calibration.bias:
            scores = graph.add("Add", scores, np.array(calibration.bias))
        raw = graph.add("Softmax", scores, axis=1)
    if calibration.method == "isotonic":
        columns = [_interpolated(graph, graph.add("Gather", raw, np.array([c]), axis=1), *map(np.array, knots))
                   for c, knots in enumerate(calibration.steps)]
        raw = graph.add("Max", graph.add("Concat", *columns, axis=1), calibration.floor)
    raw = graph.add("Max", raw, np.finfo(np.float64).tiny)
    return graph.add("Div", raw, graph.add("ReduceSum", raw, np.array([1]), keepdims=1))


def _interpolated(graph: Graph, column: str, x: np.ndarray, y: np.ndarray) -> str:
    """As np.interp: y[0], plus what every piece between two knots has risen where the (n, 1) column lies."""
    if len(x) == 1:
        return graph.add("Add", graph.add("Mul", column, 0.0), y)
    share = graph.add("Clip", graph.add("Div", graph.add("Sub", column, x[:-1]), np.diff(x)), 0.0, 1.0)
    return graph.add("Add", graph.add("MatMul", share, np.diff(y)[:, None]), y[0])
