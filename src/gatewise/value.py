"""Numbers that are not known yet: what a step is called on when it is recorded."""

from __future__ import annotations

import dis
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from functools import update_wrapper
from itertools import count
from types import CellType, CodeType, FrameType, FunctionType
from typing import Any, NoReturn, TypeAlias

import torch

from .errors import CellError

Operand: TypeAlias = "Value | float"  # what a recorded function is called on
_created = count()
_OWN_FOLDERS = (os.path.dirname(torch.__file__), __file__, os.path.join(os.path.dirname(__file__), "equation.py"))

RESERVED = frozenset(("x", "steps", "begin", "end", "rows", "inputs", "units", "offsets", "chunk", "barrier", "yield"))
"""Names that kernels have for things of their own, beside those of a cell's states, weights and values."""


class Value:
    """A number of the step that is not known yet: what was done to get it, and on which line.

    function: the name of the torch function or operator, or ``input`` or ``product``. label: the name of an input
    or of what a product gives. order: values are numbered as they are made, so arguments come before results.
    """

    __slots__ = ("arguments", "function", "keywords", "label", "order", "where")

    def __init__(
        self, function: str, *arguments: Operand, label: str = "", keywords: Mapping[str, Any] | None = None
    ) -> None:
        self.where = _user_line()
        self.function = function
        self.arguments = tuple(_operand(argument, self.where) for argument in arguments)
        self.label = label
        self.keywords = {name: _operand(argument, self.where) for name, argument in (keywords or {}).items()}
        self.order = next(_created)

    def on(self, *arguments: Operand) -> Value:
        """The same done to other arguments."""
        again = Value(self.function, *arguments, label=self.label, keywords=self.keywords)
        again.where = self.where
        return again

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Value:
        return _called(func.__name__, args, kwargs or {})

    def __getattr__(self, name: str) -> Callable[..., Value]:
        """A method call, ``x.sigmoid()``, means the function of that name."""
        if name.startswith("_") or not callable(getattr(torch.Tensor, name, None)):
            raise AttributeError(name)
        return lambda *arguments, **keywords: _called(name, (self, *arguments), keywords)

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


def _called(function: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Value:
    """A call as the step makes it. A mean over all there is says so: that of programs is over the units of a row."""
    if function == "mean" and len(arguments) == 1:
        keywords = {"dim": None, **keywords}
    return Value(function, *arguments, keywords=keywords)


def _operand(argument: Any, where: str) -> Any:
    """An argument of a call as it is recorded: of a tensor, the number that it has now."""
    if isinstance(argument, torch.Tensor):
        return _number(argument, where)
    if isinstance(argument, int) and abs(argument) > sys.float_info.max:
        raise CellError(f"the step computes with a number of {argument.bit_length()} bits", where=where)
    return argument


def _number(tensor: torch.Tensor, where: str) -> float:
    """The number that a tensor of the step's surroundings has now: a constant of the cell."""
    if tensor.requires_grad:
        raise CellError(
            "the step reads a tensor that requires gradients, and would take it for a constant",
            where=where,
            hint="declare it in `per_unit`, as a weight for each unit; or read tensor.item()",
        )
    if tensor.numel() != 1:
        raise CellError(
            f"the step reads a tensor of shape {tuple(tensor.shape)}, and constants are single numbers",
            where=where,
            hint="declare it in `per_unit`, as a weight for each unit",
        )
    return float(tensor)


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
            raise CellError(f"the step returns {type(output).__name__}, not one of its values", where=line_of(step))
    return outputs, local


def line_of(step: Callable[..., Any]) -> str:
    """File and line of a function."""
    code: CodeType = step.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def with_own_tensors(step: Callable[..., Any]) -> Callable[..., Any]:
    """The step with copies of the tensors that it closes over: what becomes of them later must not change a cell.

    Raises CellError where it reads a tensor of its module, of which it cannot have a copy.
    """
    code, around = step.__code__, step.__globals__
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL" and isinstance(around.get(instruction.argval), torch.Tensor):
            raise CellError(
                f"the step reads the tensor {instruction.argval}, which may change after the cell is declared",
                where=line_of(step),
                hint="make it a number, or a weight for each unit, in `per_unit`",
            )
    closure = step.__closure__ or ()
    cells = tuple(map(_with_copy, closure))
    if all(new is old for new, old in zip(cells, closure, strict=True)):
        return step
    copied = FunctionType(code, around, step.__name__, step.__defaults__, cells)
    copied.__kwdefaults__ = step.__kwdefaults__
    update_wrapper(copied, step)
    vars(copied).pop("__wrapped__")  # the original, which signatures are read from otherwise
    return copied


def _with_copy(variable: CellType) -> CellType:
    """A variable of a closure; where it is a tensor that is a constant, one of its own."""
    try:
        content = variable.cell_contents
    except ValueError:  # not set yet
        return variable
    if not isinstance(content, torch.Tensor) or content.requires_grad:
        return variable
    return CellType(content.detach().clone())
