"""Text that may stand in a C file, whatever it was before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from ...compiler.render.c import number
from ...errors import InputError, argument

_KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const constexpr
continue default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline
int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template
this thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile wchar_t
while xor xor_eq main size_t
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""Words that C or C++ reserves."""

_WIDTH = 118


def checked_name(name: str) -> str:
    """The name that the file's functions begin with. Raises InputError for one that C or C++ does not allow."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name):  # pyright: ignore[reportUnnecessaryIsInstance]
        hint = "a letter, then letters, digits and _ of ASCII, at most 63"
        raise InputError(f"{ascii(name)[:80]} cannot name functions in C", where=argument("name"), hint=hint)
    if name in KEYWORDS or "__" in name:
        raise InputError(f"{name} is reserved by C or C++", where=argument("name"), hint="give another")
    return name


def plain(text: str) -> str:
    """Text that is inert in a comment: printable ASCII without backslashes, slashes after stars, or trigraphs."""
    shown = ascii(text)[1:-1].replace("\\", "|")
    return shown.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


class Identifiers:
    """Identifiers for the values of a program, each the value's own name where C allows it.

    taken: names that have another use. prefix: what no identifier may begin with.
    """

    def __init__(self, taken: Iterable[str], prefix: str) -> None:
        self._taken, self._prefix = KEYWORDS | set(taken), prefix
        self._assigned: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The identifier of a name: the same for the same name, distinct for distinct names."""
        if name not in self._assigned:
            wish = re.sub(r"[^A-Za-z0-9_]", lambda match: f"u{ord(match[0]):x}", name).strip("_")[:40] or "v"
            wish = re.sub(r"__+", "_", f"v{wish}" if wish[0].isdigit() or wish.startswith(self._prefix) else wish)
            used = self._taken | set(self._assigned.values())
            candidates = [wish, *(f"{wish}_{count}" for count in range(2, len(used) + 3))]
            self._assigned[name] = next(candidate for candidate in candidates if candidate not in used)
        return self._assigned[name]


def float_text(value: float, prefix: str) -> str:
    """A float32 as a C expression; unlike a constant of C it may be infinite."""
    bits = {float("inf"): "0x7f800000u", float("-inf"): "0xff800000u"}.get(value)
    return number(value) if bits is None else f"{prefix}bits({bits})"


def float_table(name: str, numbers: Tensor) -> str:
    """A constant array of floats."""
    values = [number(value).strip("()") for value in numbers.detach().float().flatten().tolist()]
    return f"static const float {name}[{len(values)}] = {{\n{wrapped(values)}\n}};\n"


def int_table(name: str, numbers: NDArray[Any], c: str) -> str:
    """A constant array of whole numbers of the C type ``c``."""
    form = "0x{:08x}u" if c == "uint32_t" else "{}"
    values = [form.format(int(value)) for value in numbers.reshape(-1)]
    return f"static const {c} {name}[{len(values)}] = {{\n{wrapped(values)}\n}};\n"


def wrapped(values: Iterable[str]) -> str:
    """Values with commas, in lines of limited length."""
    lines, line = list[str](), ""
    for value in values:
        if len(line) + len(value) + 2 > _WIDTH:
            lines.append(f"    {line.rstrip()}")
            line = ""
        line += f"{value}, "
    return "\n".join([*lines, f"    {line.rstrip(' ,')}"])
