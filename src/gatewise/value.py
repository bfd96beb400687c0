"""Numbers that are not known yet: what a step is called on when it is recorded."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import count
from types import CodeType, FrameType
from typing import Any, NoReturn, TypeAlias

import torch

from .errors import CellError

Operand: TypeAlias = "Value | float"  # what a recorded function is called on
_created = count()
_OWN_FILES = ("value.py", "recorded.py", "equation.py", "declaration.py")
_OWN = (os.path.dirname(torch.__file__), *(os.path.join(os.path.dirname(__file__), own) for own in _OWN_FILES))

OVER_UNITS = ("mean", "sum", "amax")
"""Functions that PyTorch takes over all there is, unless a dimension is named."""

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
        self.where = user_line()
        self.function = function
        self.arguments = tuple(_operand(argument, self.where) for argument in arguments)
        self.label = label
        self.keywords = {name: _operand(argument, self.where) for name, argument in (keywords or {}).items()}
        if any(isinstance(argument, Value) for argument in self.keywords.values()):
            what = f"the step gives {function} a value by keyword"
            raise CellError(what, where=self.where, hint="give values by position, and numbers by keyword")
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
        if name.startswith("_"):
            raise AttributeError(name)
        if not hasattr(torch.Tensor, name):
            near = get_close_matches(name, dir(torch.Tensor), 1)
            raise AttributeError(f"a tensor has no {name!r}" + "".join(f"; did you mean {known!r}?" for known in near))
        if not callable(getattr(torch.Tensor, name)):
            raise CellError(
                f"the step asks for the {name} of a value, which has none while it is recorded",
                where=user_line(),
                hint="compute with values alone: each stands for one number of one unit",
            )
        return lambda *arguments, **keywords: _called(name, (self, *arguments), keywords)

    def __bool__(self) -> NoReturn:
        raise CellError(
            "the step branches in Python on a value that is only known when it runs",
            where=user_line(),
            hint="write torch.where(condition, a, b); join conditions with & and |, not with `and` and `or`",
        )

    def _refused(self, what: str, hint: str) -> NoReturn:
        raise CellError(what, where=user_line(), hint=hint)

    def __float__(self) -> NoReturn:
        self._refused("the step turns a value into a number of Python, before it is known", "compute with values")

    __int__ = __index__ = __complex__ = __float__

    def __call__(self, *_: Any) -> NoReturn:
        """Raises CellError: only a gate that is declared so is called."""
        self._refused("the step calls a value", "a gate that the step is to call is declared U(...)")

    def __iter__(self) -> NoReturn:
        self._refused("the step takes a value apart, which is one number of one unit", _APART)

    __len__ = __iter__

    def __getitem__(self, index: Any) -> NoReturn:
        self._refused("the step picks units out of a value, which is one number of one unit", _APART)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        self._refused("the step writes into a value", "write torch.where(condition, a, b)")

    def __matmul__(self, other: Any) -> NoReturn:
        self._refused(
            "the step multiplies with a matrix of its own",
            'declare a gate: gates={"name": "U(...)"}, which the step calls on what U multiplies',
        )

    __rmatmul__ = __matmul__

    __array_priority__ = 1000  # as tensors have it: a number of NumPy's leaves its operators to them

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Raises CellError for a function of NumPy's, which a tensor that learns would refuse."""
        self._refused("the step calls NumPy on a value", "write torch.tanh for np.tanh, and so on")

    def __floordiv__(self, other: Any) -> NoReturn:
        self._refused("the step divides with //, for which PyTorch has no derivative", "write torch.floor(a / b)")

    __rfloordiv__ = __floordiv__

    def _change(self, *_: Any) -> NoReturn:
        self._refused(*_CHANGE)

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imod__ = __iand__ = __ior__ = _change

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

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return Value("abs", self)

    def __pow__(self, other: Operand) -> Value:
        return Value("pow", self, other)

    def __rpow__(self, other: Operand) -> Value:
        return Value("pow", other, self)

    def __mod__(self, other: Operand) -> Value:
        return Value("remainder", self, other)

    def __rmod__(self, other: Operand) -> Value:
        return Value("remainder", other, self)

    def __lt__(self, other: Operand) -> Value:
        return Value("lt", self, other)

    def __gt__(self, other: Operand) -> Value:
        return Value("gt", self, other)

    def __le__(self, other: Operand) -> Value:
        return Value("le", self, other)

    def __ge__(self, other: Operand) -> Value:
        return Value("ge", self, other)

    def __eq__(self, other: object) -> Value:  # pyright: ignore[reportIncompatibleMethodOverride] - as on tensors
        return Value("eq", self, other)  # pyright: ignore[reportArgumentType]

    def __ne__(self, other: object) -> Value:  # pyright: ignore[reportIncompatibleMethodOverride]
        return Value("ne", self, other)  # pyright: ignore[reportArgumentType]

    __hash__ = object.__hash__

    def __and__(self, other: Operand) -> Value:
        return Value("logical_and", self, other)

    def __or__(self, other: Operand) -> Value:
        return Value("logical_or", self, other)

    def __invert__(self) -> Value:
        return Value("logical_not", self)


_APART = "units cannot be told apart in a step: a part of the units is a gate or a state of its own"
_CHANGE = (
    "the step changes a value in place, which would be recorded otherwise than tensors compute it",
    "give the result a name: h = h + a, c = c.clamp(0.0, 1.0)",
)


class FedGate:
    """A gate that is declared ``U(...)``, on which the step has to call what U multiplies; anything else is a slip.

    product: what a call records.
    """

    def __init__(self, name: str, letter: str, product: Callable[[Value], Value]) -> None:
        self._name, self._letter, self._product = name, letter, product

    def __call__(self, operand: Any) -> Value:
        """What the gate gives for an operand."""
        if not isinstance(operand, Value):
            where, given = user_line(), "a number" if isinstance(operand, int | float) else type(operand).__name__
            raise CellError(f"the step calls gate {self._name!r} on {given}", where=where, hint="call it on a value")
        return self._product(operand)

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> NoReturn:
        uncalled = next(gate for gate in (*args, *(kwargs or {}).values()) if isinstance(gate, cls))
        uncalled.refuse()

    def refuse(self, *_: Any) -> NoReturn:
        """Raises CellError: it is used as a value."""
        raise CellError(
            f"the step uses gate {self._name!r} without calling it, and U(...) needs what U multiplies",
            where=user_line(),
            hint=f"write {self._letter}(h), or declare it as W x + U h + b",
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        self.refuse()

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = refuse
    __neg__ = __pos__ = __abs__ = __pow__ = __rpow__ = __mod__ = __matmul__ = __bool__ = __float__ = refuse
    __lt__ = __gt__ = __le__ = __ge__ = __getitem__ = __iter__ = refuse


def _called(function: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Value:
    """A call as the step makes it. A mean over all there is says so: that of programs is over the units of a row.

    Raises CellError for one that changes its argument: where the result is not read, a program would not have it.
    """
    if keywords.get("inplace") or (function.endswith("_") and not function.startswith("_")):
        what, hint = _CHANGE
        raise CellError(what, where=user_line(), hint=hint)
    if function in OVER_UNITS and len(arguments) == 1:
        keywords = {"dim": None, **keywords}
    return Value(function, *arguments, keywords=keywords)


def constant(number: object, where: str = "") -> float:
    """A number of the step. Raises CellError for what is none that a kernel could hold."""
    try:
        return float(number)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError):
        given = type(number).__name__
        raise CellError(f"the step computes with a {given}, which is no number", where=where) from None


def _operand(argument: Any, where: str) -> Any:
    """An argument of a call as it is recorded: of a tensor, the number that it has now."""
    if isinstance(argument, FedGate):
        argument.refuse()
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


_elsewhere: list[str] = []


@contextmanager
def recorded_at(where: str) -> Generator[None]:
    """While it lasts, what is recorded belongs to that line of the step."""
    _elsewhere.append(where)
    try:
        yield
    finally:
        _elsewhere.pop()


def user_line() -> str:
    """File and line of the step that is being recorded, or of what declares it, for errors."""
    if _elsewhere:
        return _elsewhere[-1]
    frame: FrameType | None = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""


def line_of(step: Callable[..., Any]) -> str:
    """File and line of a function."""
    code: CodeType = step.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
