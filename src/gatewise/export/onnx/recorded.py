"""A recorded NumPy program as a graph of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, helper, numpy_helper

from ..recording import Node, Recorded, Recording, Value
from .graph import GraphBuilder
from .parts import OPSET

_OPERATORS = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "negative": "Neg",
    "absolute": "Abs",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "tanh": "Tanh",
    "maximum": "Max",
    "minimum": "Min",
    "equal": "Equal",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "logical_and": "And",
    "logical_not": "Not",
    "floor": "Floor",
    "ceil": "Ceil",
    "rint": "Round",
    "where": "Where",
    "matmul": "MatMul",
}
"""NumPy's functions by ONNX's operators that are the same."""


def model_of(recording: Recording, inputs: Mapping[str, Recorded], outputs: Mapping[str, Recorded], name: str) -> Any:
    """The program as a model whose inputs and outputs have these names."""
    graph = _Graph(recording, GraphBuilder(np.dtype(np.float64)))
    declared = [graph.given(wish, one) for wish, one in inputs.items()]
    graph.all(recording.nodes)
    ends = [graph.ended(wish, one) for wish, one in outputs.items()]
    proto = graph.builder.proto(name, declared, ends)
    proto.initializer.extend(graph.builder.numbers)
    return _model(proto)


def _model(proto: Any) -> ModelProto:
    return helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="gatewise", ir_version=8
    )


class _Graph:
    """The nodes of a recording, one after another. names: of the values so far."""

    def __init__(self, recording: Recording, builder: GraphBuilder, names: dict[Value, str] | None = None) -> None:
        self.recording, self.builder = recording, builder
        self.names: dict[Value, str] = {} if names is None else dict(names)
        self._flat: dict[str, str] = {}

    def given(self, wish: str, one: Recorded) -> Any:
        """Declare an input."""
        self.names[one.value] = self.builder.name(wish)
        return self._declared(self.names[one.value], one.shape, one.dtype)

    def ended(self, wish: str, one: Recorded) -> Any:
        """Declare an output."""
        name = self.builder.name(wish)
        self.builder.called(self.of(one.value), name)
        return self._declared(name, one.shape, one.dtype)

    def _declared(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.builder.described(name, shape, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def of(self, value: Value) -> str:
        """The name of a value; constants are added where they are first needed."""
        if value not in self.names:
            self.names[value] = self._constant(self.recording.constants[value])
        return self.names[value]

    def _constant(self, array: Any) -> str:
        name = self.builder.name("constant")
        self.builder.numbers.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def all(self, nodes: list[Node]) -> None:
        """Add every node."""
        for node in nodes:
            inputs = [self.of(value) for value in node.inputs]
            if node.op == "scan":
                self._scan(node, inputs)
            elif node.op in _OPERATORS:
                self.names[node.results[0]] = self.builder.node(_OPERATORS[node.op], *inputs)
            else:
                self.names[node.results[0]] = _MADE[node.op](self, node, inputs)

    def whole(self, array: Any, dtype: Any = np.int64) -> str:
        """A constant of whole numbers."""
        return self.of(self.recording.constant(np.asarray(array, dtype)))

    def flat(self, name: str) -> str:
        """An array as one row."""
        if name not in self._flat:
            self._flat[name] = self.builder.node("Reshape", name, self.whole([-1]))
        return self._flat[name]

    def like(self, value: float) -> str:
        """A constant of the program's numbers."""
        return self.of(self.recording.constant(np.float64(value)))

    def _scan(self, node: Node, inputs: list[str]) -> None:
        attributes = node.attributes
        count = len(attributes["ends"])
        inside = _Graph(self.recording, self.builder.inside(), self.names)
        starts: list[Any] = []
        for value, (shape, dtype) in zip(attributes["inner"], attributes["shapes"], strict=True):
            inside.names[value] = self.builder.name("before")
            starts.append(self._declared(inside.names[value], shape, dtype))
        inside.all(attributes["body"])
        free = {value for one in attributes["body"] for value in one.results}
        ends: list[Any] = []
        for _ in range(2):  # as states, and as rows of what is found
            for value, (shape, dtype) in zip(attributes["ends"], attributes["shapes"], strict=False):
                name = inside.of(value)
                if value not in free:  # the outputs of a graph are different values
                    name = self.builder.name("after")
                    inside.builder.called(inside.of(value), name)
                free.discard(value)
                ends.append(self._declared(name, shape, dtype))
        body = inside.builder.proto(self.builder.name("body"), starts, ends)
        wishes = [kind for kind in ("last", "each") for _ in range(count)]
        found = self.builder.results("Scan", *inputs, names=wishes, body=body, num_scan_inputs=1)
        self.names |= dict(zip(node.results, found[count:], strict=True))


def _arcsinh(graph: _Graph, node: Node, inputs: list[str]) -> str:
    """By logarithms: runtimes have it for float32 only."""
    (x,), add = inputs, graph.builder.node
    size = add("Abs", x)
    root = add("Sqrt", add("Add", add("Mul", size, size), graph.like(1.0)))
    return add("Mul", add("Sign", x), add("Log", add("Add", size, root)))


def _expm1(graph: _Graph, node: Node, inputs: list[str]) -> str:
    """tanh(x / 2) (exp(x) + 1), which loses no digits near 0."""
    (x,), add = inputs, graph.builder.node
    return add("Mul", add("Tanh", add("Mul", x, graph.like(0.5))), add("Add", add("Exp", x), graph.like(1.0)))


def _log1p(graph: _Graph, node: Node, inputs: list[str]) -> str:
    (x,), add = inputs, graph.builder.node
    return add("Log", add("Add", x, add("CastLike", graph.like(1.0), x)))


def _cast(graph: _Graph, node: Node, inputs: list[str]) -> str:
    return graph.builder.node("Cast", *inputs, to=helper.np_dtype_to_tensor_dtype(node.attributes["dtype"]))


def _take(graph: _Graph, node: Node, inputs: list[str]) -> str:
    return graph.builder.node(
        "Gather", graph.flat(inputs[0]), graph.whole(node.attributes["indices"], np.int32), axis=0
    )


def _pick(graph: _Graph, node: Node, inputs: list[str]) -> str:
    table, places = inputs
    return graph.builder.node("Gather", graph.flat(table), places, axis=0)


def _reshape(graph: _Graph, node: Node, inputs: list[str]) -> str:
    return graph.builder.node("Reshape", inputs[0], graph.whole(node.attributes["shape"]))


def _join(graph: _Graph, node: Node, inputs: list[str]) -> str:
    return graph.builder.node("Concat", *inputs, axis=0)


def _sum(graph: _Graph, node: Node, inputs: list[str]) -> str:
    return graph.builder.node("ReduceSum", inputs[0], graph.whole([node.attributes["axis"]]), keepdims=0)


def _least(graph: _Graph, node: Node, inputs: list[str]) -> str:
    return graph.builder.node("ReduceMin", inputs[0], axes=[node.attributes["axis"]], keepdims=0)


def _cumsum(graph: _Graph, node: Node, inputs: list[str]) -> str:
    return graph.builder.node("CumSum", inputs[0], graph.whole(node.attributes["axis"]))


def _not_equal(graph: _Graph, node: Node, inputs: list[str]) -> str:
    return graph.builder.node("Not", graph.builder.node("Equal", *inputs))


_MADE: Mapping[str, Callable[[_Graph, Node, list[str]], str]] = {
    "arcsinh": _arcsinh,
    "expm1": _expm1,
    "log1p": _log1p,
    "cast": _cast,
    "take": _take,
    "pick": _pick,
    "reshape": _reshape,
    "join": _join,
    "sum": _sum,
    "least": _least,
    "cumsum": _cumsum,
    "not_equal": _not_equal,
}
"""What ONNX says in other words."""
