"""An ONNX graph as it is built, node by node."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor


def plain(name: str) -> str:
    """The name, with ``_`` for everything but letters, digits and dots of ASCII."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", name) or "_"


class GraphBuilder:
    """Nodes and numbers; names are unique, over this graph and those inside it.

    dtype: of all numbers that are not indices. outer: the graph that contains this one, which holds the numbers of
    both.
    """

    def __init__(self, dtype: np.dtype[Any], outer: GraphBuilder | None = None) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.numbers: list[TensorProto] = [] if outer is None else outer.numbers
        self._taken: set[str] = set() if outer is None else outer._taken
        self._counts: dict[str, int] = {} if outer is None else outer._counts  # where the next number is looked for
        self._known: dict[Any, str] = {} if outer is None else outer._known

    @property
    def element(self) -> int:
        """ONNX's number for the dtype."""
        return helper.np_dtype_to_tensor_dtype(self.dtype)

    def inside(self) -> GraphBuilder:
        """An empty graph for the body of a node of this one."""
        return GraphBuilder(self.dtype, self)

    def name(self, wish: str) -> str:
        """A name that is free: the one wished for, in ASCII, with a number if that is taken."""
        first = name = plain(wish)
        while name in self._taken:
            self._counts[first] = self._counts.get(first, 1) + 1
            name = f"{first}_{self._counts[first]}"
        self._taken.add(name)
        return name

    def node(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node of one result; the result's name."""
        return self.results(operator, *inputs, names=[name or operator.lower()], **attributes)[0]

    def results(self, operator: str, *inputs: str, names: Sequence[str], **attributes: Any) -> list[str]:
        """Add a node of several results; their names, made from those wished for."""
        results = [self.name(name) for name in names]
        node_name = self.name(f"{operator}.{results[0]}")
        self.nodes.append(helper.make_node(operator, inputs, results, node_name, **attributes))
        return results

    def called(self, value: str, name: str) -> None:
        """Give a value the name of an output, which was reserved before."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def number(self, value: float) -> str:
        """The name of a scalar constant."""
        return self._once(("number", value), np.asarray(value, self.dtype), "number")

    def indices(self, *values: int) -> str:
        """The name of a constant vector of int64."""
        return self._once(("indices", values), np.asarray(values, np.int64), "indices")

    def index(self, value: int) -> str:
        """The name of a scalar constant of int64."""
        return self._once(("index", value), np.asarray(value, np.int64), "index")

    def weight(self, name: str, tensor: Tensor) -> str:
        """The name of a tensor of the model."""
        return self._added(np.ascontiguousarray(tensor.detach().cpu().numpy(), self.dtype), name)

    def default(self, name: str, tensor: Tensor) -> None:
        """The value of an input that is left out."""
        value = np.ascontiguousarray(tensor.detach().cpu().numpy(), self.dtype)
        self.numbers.append(numpy_helper.from_array(value, name))

    def _once(self, key: Any, value: np.ndarray[Any, Any], wish: str) -> str:
        if key not in self._known:
            self._known[key] = self._added(value, wish)
        return self._known[key]

    def _added(self, value: np.ndarray[Any, Any], wish: str) -> str:
        name = self.name(wish)
        self.numbers.append(numpy_helper.from_array(value, name))
        return name

    def split(self, value: str, sizes: Sequence[int], axis: int, name: str) -> list[str]:
        """The value cut along an axis."""
        if len(sizes) == 1:
            return [value]
        names = [f"{name}_{at}" for at in range(len(sizes))]
        return self.results("Split", value, self.indices(*sizes), names=names, axis=axis)

    def joined(self, values: Sequence[str], axis: int, name: str) -> str:
        """The values one after another along an axis."""
        return values[0] if len(values) == 1 else self.node("Concat", *values, name=name, axis=axis)

    def described(
        self, name: str, shape: Sequence[int | str] | None = None, element: int | None = None
    ) -> ValueInfoProto:
        """The declaration of an input or output."""
        return helper.make_tensor_value_info(name, self.element if element is None else element, shape)

    def proto(self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]) -> GraphProto:
        """The graph as a message; only the outermost one holds numbers."""
        return helper.make_graph(self.nodes, name, inputs, outputs)
