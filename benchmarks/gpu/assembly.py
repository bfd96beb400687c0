"""What a persistent kernel's assembly shows: what it loads before its loop over time and in it, and how it waits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LABEL = re.compile(r"^(\$L__BB\w+|\.LBB\w+):")
_BRANCH = re.compile(r"\b(?:bra(?:\.uni)?|s_branch|s_cbranch_\w+)\s+(\$L__BB\w+|\.LBB\w+)")
_ENDS = re.compile(r"^\s*(?:bra(?:\.uni)?\s|s_branch\s|ret;|s_endpgm)")
_PARAMETER = re.compile(r"ld\.param\.\w+\s+(%rd\d+), \[\w+_param_(\d+)\]")
_REGISTER = re.compile(r"%rd\d+")
_LOAD = re.compile(r"ld\.global(\S*)\s.*\[\s*(%rd\d+)")
# Of the PTX of NVIDIA's cards, then of AMD's assembly: what a thread that waits has to forget, and one that arrives to
# write out.
_ACQUIRE = re.compile(r"global\.gpu\.acquire|global\.acquire\.gpu|buffer_inv sc1")
_RELEASE = re.compile(r"global\.gpu\.release|global\.release\.gpu|buffer_wbl2 sc1")


@dataclass
class _Block:
    """Instructions that run one after another, and the blocks that may follow."""

    lines: list[str]
    after: set[int]


def blocks_of(text: str) -> list[_Block]:
    """The instructions of a kernel, cut at labels and behind branches."""
    blocks, labels = [_Block([], set())], dict[str, int]()
    for line in text.splitlines():
        if found := _LABEL.match(line):
            blocks.append(_Block([], set()))
            labels[found[1]] = len(blocks) - 1
        blocks[-1].lines.append(line)
        if _BRANCH.search(line) or _ENDS.match(line):
            blocks.append(_Block([], set()))
    for number, block in enumerate(blocks):
        last = block.lines[-1] if block.lines else ""
        block.after |= {labels[name] for name in _BRANCH.findall(last) if name in labels}
        if not _ENDS.match(last) and number + 1 < len(blocks):
            block.after.add(number + 1)
    return blocks


def time_loop(blocks: Sequence[_Block]) -> set[int]:
    """The blocks of the loop in which programs arrive."""
    arriving = {number for number, block in enumerate(blocks) if any(map(_RELEASE.search, block.lines))}
    before: dict[int, set[int]] = {number: set() for number in range(len(blocks))}
    for number, block in enumerate(blocks):
        for after in block.after:
            before[after].add(number)
    after = {number: block.after for number, block in enumerate(blocks)}
    return _reached(arriving, after) & _reached(arriving, before)


def _reached(begin: Iterable[int], steps: dict[int, set[int]]) -> set[int]:
    """What can be reached by a step at least."""
    found, waiting = set[int](), list(begin)
    while waiting:
        new = steps[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def findings(text: str, names: Sequence[str]) -> dict[str, object]:
    """What a table records of a kernel. names: of its parameters, in order.

    Of PTX: loads of U before the loop and in it; in the loop loads of what programs send each other, and those of them
    that a cache could answer. Of both: how often the loop acquires and releases.
    """
    blocks = blocks_of(text)
    loop = time_loop(blocks)
    inside = [line for number in sorted(loop) for line in blocks[number].lines]
    found: dict[str, object] = {
        "acquires": sum(bool(_ACQUIRE.search(line)) for line in inside),
        "releases": sum(bool(_RELEASE.search(line)) for line in inside),
    }
    if ".target sm_" not in text:
        return found
    outside = [line for number, block in enumerate(blocks) if number not in loop for line in block.lines]
    pointers = _pointers(text.splitlines(), names)
    sent = {name for name in names if name.startswith(("p_sent_", "p_taken_"))}
    exchanged = [kind for kind, name in _loads(inside, pointers) if name in sent]
    return {
        **found,
        "U_before": sum(name == "p_U" for _, name in _loads(outside, pointers)),
        "U_inside": sum(name == "p_U" for _, name in _loads(inside, pointers)),
        "sent_inside": len(exchanged),
        "sent_cached": sum(".cg" not in kind for kind in exchanged),
    }


def _loads(lines: Iterable[str], pointers: dict[str, str]) -> list[tuple[str, str]]:
    """How each load is made, and of which parameter."""
    loads = (_LOAD.search(line) for line in lines)
    return [(load[1], pointers.get(load[2], "")) for load in loads if load]


def _pointers(lines: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """The parameter that each register of 64 bits points into, through all arithmetic with addresses."""
    known: dict[str, str] = {}
    moves: list[tuple[str, set[str]]] = []
    for line in lines:
        if found := _PARAMETER.search(line):
            if int(found[2]) < len(names):
                known[found[1]] = names[int(found[2])]
        elif "ld." not in line and (registers := _REGISTER.findall(line)):
            moves.append((registers[0], set(registers[1:])))
    grown = True
    while grown:
        grown = False
        for target, sources in moves:
            if target not in known and (origin := next((known[s] for s in sources if s in known), "")):
                known[target], grown = origin, True
    return known
