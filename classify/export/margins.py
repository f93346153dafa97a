"""Margins as steps of a graph: trees, linear log-odds, and thresholds of older models of stages."""
import numpy as np

from classify.export.graph import Graph
from classify.export.trees import tree_margins
from classify.fitting import models
from classify.fitting.linear import LinearModel
from classify.fitting.models import Model
from classify.fitting.stages import scores_of_stages


def margins(graph: Graph, x: str, model: Model) -> str:
    """The step with the (n, k) margins of the (n, d) features of step x, as `classify.fitting.models.margin`."""
    if model.thresholds:
        several = graph.add("Concat", *(margins(graph, x, m) for m in model.thresholds), axis=1)
        # The scores are linear in the log-odds: what they make of each one alone says all.
        return graph.add("MatMul", several, scores_of_stages(np.eye(len(model.thresholds))))
    if model.library == "logistic":
        return _linear(graph, x, model.booster)
    trees = tree_margins(graph, x, models.ensemble(model), model.outputs)
    return trees if model.start is None else graph.add("Add", trees, _linear(graph, x, model.start))


def _linear(graph: Graph, x: str, model: LinearModel) -> str:
    """As `classify.fitting.linear.linear_margin`."""
    filled = graph.add("Where", graph.add("IsNaN", x), model.fill, x)
    scores = graph.add("Div", graph.add("Sub", filled, model.center), model.scale)
    if np.isfinite(model.largest):
        scores = graph.add("Clip", scores, -model.largest, model.largest)
    terms = [scores]
    if model.bend:
        terms.append(graph.add("Mul", graph.add("Abs", scores), model.bend))
    if model.axes.shape[1]:
        middle = graph.add("Sub", scores, model.mean[:len(model.fill)])
        components = graph.add("MatMul", middle, model.axes)
        first, second = (graph.add("Gather", components, index, axis=1) for index in np.triu_indices(
            model.axes.shape[1]))
        terms.append(graph.add("Mul", first, second))
    joined = graph.add("Sub", graph.add("Concat", *terms, axis=1), model.mean)
    return graph.add("Add", graph.add("MatMul", joined, model.weights), model.base)
