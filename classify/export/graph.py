"""An ONNX graph that grows step by step; onnx itself is needed only where it becomes bytes."""
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import UserError

# Versions of the operators. TreeEnsemble, whose thresholds, leaves and sums may be float64, came with 5 of ai.onnx.ml;
# all others are as old as 18 or older. The format of the file is the first that knows both (onnx 1.16).
OPERATORS = {"": 18, "ai.onnx.ml": 5}
IR_VERSION = 10
# Types of elements, as onnx.TensorProto numbers them.
FLOAT = 1
DOUBLE = 11
# Name of the graph's only input.
INPUT = "features"
# Name of the dimension of rows.
ROWS = "rows"


class Graph:
    """Steps from (n, d) float32 to float64 outputs; every step has one result, which is known by its name.

    Parameters
    ----------
    columns : int
        d.

    Attributes
    ----------
    features : str
        The input as float64.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._steps: list[tuple[str, str, list[str], str, dict[str, Any]]] = []
        self._constants: dict[str, NDArray[Any]] = {}
        self.features = self.add("Cast", INPUT, to=DOUBLE)

    def add(self, operator: str, *inputs: str | NDArray[Any] | float, domain: str = "", **attributes: Any) -> str:
        """The name of the result of a step; inputs are names, or arrays and numbers that stay the same."""
        names = [value if isinstance(value, str) else self._constant(np.asarray(value)) for value in inputs]
        result = f"{operator}_{len(self._steps)}"
        self._steps.append((operator, domain, names, result, attributes))
        return result

    def _constant(self, value: NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants[name] = value
        return name

    def to_bytes(self, outputs: Mapping[str, tuple[str, int]], metadata: Mapping[str, str], producer: str,
                 version: str) -> bytes:
        """The file.

        Parameters
        ----------
        outputs : mapping
            From the name of each output to the step that makes it and its number of columns.
        metadata : mapping
        producer, version : str
            The program that made the model.

        Raises
        ------
        UserError
            onnx is not installed.
        """
        try:
            import onnx
        except ImportError as error:
            raise UserError("export needs onnx, which is not installed: pip install 'pellucid[onnx]'") from error
        helper, tensor = onnx.helper, onnx.numpy_helper.from_array
        nodes = []
        for operator, domain, inputs, result, attributes in self._steps:
            plain = {name: tensor(value) if isinstance(value, np.ndarray) else value
                     for name, value in attributes.items()}
            nodes.append(helper.make_node(operator, inputs, [result], domain=domain, **plain))
        given = [helper.make_tensor_value_info(INPUT, FLOAT, [ROWS, self._columns])]
        told = []
        for name, (step, width) in outputs.items():
            nodes.append(helper.make_node("Identity", [step], [name]))
            told.append(helper.make_tensor_value_info(name, DOUBLE, [ROWS, width]))
        graph = helper.make_graph(nodes, producer, given, told,
                                  [tensor(value, name) for name, value in self._constants.items()])
        model = helper.make_model(graph, ir_version=IR_VERSION, producer_name=producer, producer_version=version,
                                  opset_imports=[helper.make_opsetid(*pair) for pair in OPERATORS.items()])
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())
