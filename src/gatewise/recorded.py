"""A step that is called once, on symbols, to be recorded."""

from __future__ import annotations

import dis
import sys
import traceback
from collections.abc import Callable
from functools import update_wrapper
from types import CellType, CodeType, FrameType, FunctionType
from typing import Any

import torch

from .errors import CellError
from .value import Value, line_of


def trace(
    step: Callable[..., Any], arguments: list[Any], states: tuple[str, ...]
) -> tuple[tuple[Value, ...], dict[str, Value]]:
    """Call the step on symbols: the values it returns, and its local names for values on return.

    states: what it is to return.
    """
    local: dict[str, Value] = {}
    code: CodeType = step.__code__

    def on_return(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code:
            local.update({k: v for k, v in frame.f_locals.items() if isinstance(v, Value)})

    before = sys.getprofile()
    sys.setprofile(on_return)
    try:
        result = step(*arguments)
    except CellError:
        raise
    except (TypeError, AttributeError, NameError) as error:  # a function's arguments, or a name that there is not
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f.lineno for f in frames if f.filename == code.co_filename and f.name == code.co_name]
        where = f"{code.co_filename}:{lines[-1]}" if lines else line_of(step)
        raise CellError(f"the step cannot be recorded: {error}", where=where) from error
    finally:
        sys.setprofile(before)
    outputs: tuple[Any, ...] = result if isinstance(result, tuple) else (result,)
    for output in outputs:
        if not isinstance(output, Value):
            what = f"the step returns {_described(output)}, not one of its values"
            raise CellError(what, where=line_of(step), hint=f"end it with: return {', '.join(states)}")
    return outputs, local


def _described(output: object) -> str:
    """What a step has returned that is no value, in words."""
    return "nothing" if output is None else f"{output!r}" if isinstance(output, int | float) else type(output).__name__


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
