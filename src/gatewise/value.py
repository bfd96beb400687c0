"""Numbers that are not known yet: what a step is called on when it is recorded."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from itertools import count
from types import CodeType, FrameType
from typing import Any, NoReturn, TypeAlias

import torch

from .errors import CellError

Operand: TypeAlias = "Value | float"  # what a recorded function is called on
_created = count()
_OWN_FOLDERS = (os.path.dirname(torch.__file__), __file__, os.path.join(os.path.dirname(__file__), "equation.py"))


class Value:
    """A number of the step that is not known yet: what was done to get it, and on which line.

    function: the name of the torch function or operator, or ``input`` or ``product``. label: the name of an input
    or of what a product gives. order: values are numbered as they are made, so arguments come before results.
    """

    __slots__ = ("arguments", "function", "keywords", "label", "order", "where")

    def __init__(
        self, function: str, *arguments: Operand, label: str = "", keywords: Mapping[str, Any] | None = None
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.label = label
        self.keywords = keywords or {}
        self.order = next(_created)
        self.where = _user_line()

    def on(self, *arguments: Operand) -> Value:
        """The same done to other arguments."""
        again = Value(self.function, *arguments, label=self.label, keywords=self.keywords)
        again.where = self.where
        return again

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Value:
        return cls(func.__name__, *args, keywords=kwargs)

    def __getattr__(self, name: str) -> Callable[..., Value]:
        """A method call, ``x.sigmoid()``, means the function of that name."""
        if name.startswith("_") or not callable(getattr(torch.Tensor, name, None)):
            raise AttributeError(name)
        return lambda *arguments, **keywords: Value(name, self, *arguments, keywords=keywords)

    def __bool__(self) -> NoReturn:
        raise CellError(
            "the step branches in Python on a value that is only known when it runs",
            where=self.where,
            hint="write torch.where(condition, a, b)",
        )

    def __add__(self, other: Operand) -> Value:
        return Value("add", self, other)

    def __radd__(self, other: Operand) -> Value:
        return Value("add", other, self)

    def __sub__(self, other: Operand) -> Value:
        return Value("sub", self, other)

    def __rsub__(self, other: Operand) -> Value:
        return Value("sub", other, self)

    def __mul__(self, other: Operand) -> Value:
        return Value("mul", self, other)

    def __rmul__(self, other: Operand) -> Value:
        return Value("mul", other, self)

    def __truediv__(self, other: Operand) -> Value:
        return Value("div", self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return Value("div", other, self)

    def __neg__(self) -> Value:
        return Value("neg", self)

    def __lt__(self, other: Operand) -> Value:
        return Value("lt", self, other)

    def __gt__(self, other: Operand) -> Value:
        return Value("gt", self, other)


def _user_line() -> str:
    """File and line of the step that is being recorded, for errors."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_OWN_FOLDERS):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""


def trace(step: Callable[..., Any], arguments: list[Any]) -> tuple[tuple[Value, ...], dict[str, Value]]:
    """Call the step on symbols: the values it returns, and its local names for values on return."""
    local: dict[str, Value] = {}
    code: CodeType = step.__code__

    def on_return(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code:
            local.update({k: v for k, v in frame.f_locals.items() if isinstance(v, Value)})

    before = sys.getprofile()
    sys.setprofile(on_return)
    try:
        result = step(*arguments)
    finally:
        sys.setprofile(before)
    outputs: tuple[Any, ...] = result if isinstance(result, tuple) else (result,)
    for output in outputs:
        if not isinstance(output, Value):
            raise CellError(f"the step returns {type(output).__name__}, not one of its values", where=_line(code))
    return outputs, local


def _line(code: CodeType) -> str:
    return f"{code.co_filename}:{code.co_firstlineno}"
