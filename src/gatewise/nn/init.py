"""Initial weights and biases for every cell, by what its step does.

Initial weights that torch.nn does not offer. Names end in an underscore: modules are changed in place.

Modules start as torch.nn's do, all weights from U(-1/sqrt(H), 1/sqrt(H)), so that a drop-in stays one. It is seldom the
best start: gates are near one half, and half of the memory is gone after each step. `recommended_` makes a
better one in one call; why, is said at each function, and measured in docs/guides/initialise.md.

``generator`` decides what is drawn; torch's own where it is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

import torch
from torch import Generator, Tensor, nn

from ..compiler.keepers import Keeping, keepings
from ..errors import InputError
from .recurrent import Recurrent
from .step import RecurrentCell
from .weights import Sizes, bias_slices, stacked_blocks

Module: TypeAlias = Recurrent | RecurrentCell


def places_of(module: Module) -> Iterator[tuple[str, Sizes]]:
    """The suffix of the weights' names and the sizes, for every layer and direction."""
    if isinstance(module, Recurrent):
        yield from ((place.suffix, module.sizes(place)) for place in module.places)
    elif isinstance(module, RecurrentCell):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
        yield "", module.sizes
    else:
        raise InputError(f"a recurrent module of gatewise.nn is needed, not a {type(module).__name__}")


def bias_of(module: Module, suffix: str, sizes: Sizes, gate: str) -> list[Tensor]:
    """The parts of the bias parameters that belong to a gate; those that there are add up."""
    parts = [(getattr(module, name + suffix, None), part) for name, part in bias_slices(sizes, gate).items()]
    return [bias.detach()[part] for bias, part in parts if bias is not None]


def parts_of(module: Module, suffix: str, sizes: Sizes, knob: str) -> list[Tensor]:
    """What a pre-activation's bias consists of; or the per-unit weight of that name."""
    gate = next((gate.name for gate in module.cell.gates if gate.preactivation == knob), None)
    return [getattr(module, knob + suffix).detach()] if gate is None else bias_of(module, suffix, sizes, gate)


def set_sum_(parts: list[Tensor], value: Tensor | float) -> None:
    """Let the sum of the parts be the value."""
    for part in parts:
        part.zero_()
    for first in parts[:1]:
        first.copy_(torch.as_tensor(value))


def recommended_(module: Module, longest: float | None = None, generator: Generator | None = None) -> None:
    """Initialise W by `glorot_`, U by `orthogonal_`, and biases with zero, but for those of gates that keep a memory.

    Per-unit weights and projections stay as they are. Where ``longest`` is None, a cell in which no gate keeps a memory
    gets neither of the biases.

    Args:
        module: A recurrent module of `gatewise.nn`, changed in place.
        longest: Over how many steps things are to be remembered, for `chrono_`; None where that is not known, for
            `keep_bias_`.
        generator: Decides what is drawn; by default torch's own.

    Raises:
        InputError: As `chrono_`, where ``longest`` is given.
    """
    glorot_(module, generator=generator)
    orthogonal_(module, generator=generator)
    for name, weight in module.named_parameters():
        if name.startswith(("bias_ih", "bias_hh")):
            nn.init.zeros_(weight)
    if longest is not None:
        chrono_(module, longest, generator=generator)
    elif any(parts_of(module, *next(places_of(module)), one.keeper) for one in keepings(module.cell, 1.0)):
        keep_bias_(module)


def forget_bias_(module: Module, value: float = 1.0) -> None:
    """Set the bias of every forget gate, in all layers and directions, so that the gate sees ``value`` in all.

    Source: Gers, Schmidhuber, Cummins, Learning to Forget, doi:10.1162/089976600300015015, section 4; Jozefowicz,
    Zaremba, Sutskever, An Empirical Exploration of Recurrent Network Architectures, ICML 2015.

    A gate with W and U has two biases that add up: the first takes the value, the second is zero. The gate is taken by
    its name, and that of an MGU forgets more as it rises: `keep_bias_` goes by what gates do.

    Args:
        module: A recurrent module of `gatewise.nn`, changed in place.
        value: The bias; 1 lets the gate keep sigmoid(1) = 73 % at rest.

    Raises:
        InputError: The module has no biases, or its cell no gate called forget.
    """
    places = [bias for suffix, sizes in places_of(module) if (bias := bias_of(module, suffix, sizes, "forget"))]
    if not places:
        raise InputError(
            f"{type(module).__name__} has no bias of a forget gate",
            hint=f"bias={module.bias}; gates: {', '.join(gate.name for gate in module.cell.gates)}",
        )
    for bias in places:
        set_sum_(bias, value)


def keep_bias_(module: Module, value: float = 1.0) -> None:
    """Set the bias of every gate that keeps a memory so that, at rest, it keeps sigmoid(value) of it at each step.

    This is `forget_bias_` for every cell: which gate it is, and in which sign, is derived from the step. It is the
    update gate of a GRU, and the forget gate of an MGU with its sign turned; under layer normalisation it is the gate's
    shift.

    Args:
        module: A recurrent module of `gatewise.nn`, changed in place.
        value: What the logistic function is taken of.

    Raises:
        InputError: No gate of the cell keeps a memory as the logistic function of its bias, or the module has no
            biases.
    """
    for keeping in _keepings(module, abs(value) or 1.0):
        for suffix, sizes in places_of(module):
            set_sum_(parts_of(module, suffix, sizes, keeping.keeper), keeping.sign * value)


def chrono_(module: Module, longest: float, generator: Generator | None = None) -> None:
    """Spread the time scales of the units from 1 to ``longest`` steps, so that gradients over as many do not vanish.

    Source: Tallec, Ollivier, Can Recurrent Neural Networks Warp Time?, arXiv:1804.11188, section 2: the bias of the
    gate that keeps the memory is log u with u from U(1, longest - 1), that of the gate that lets new things in is -log
    u. Where one gate does both, as in a GRU, there is only that. At rest the root mean square over units of d c_T / d
    c_0 at T = longest is then sqrt(integral of exp(-2 / x) from 0 to 1) = 0.194, however large T is. Which gates they
    are is derived from the step; where several biases of a gate add up, their sum is set, as by `forget_bias_`.

    Args:
        module: A recurrent module of `gatewise.nn`, changed in place.
        longest: The longest dependency in steps, above 2.
        generator: Decides what is drawn; by default torch's own.

    Raises:
        InputError: The cell has no gate that keeps a memory as the logistic function of its bias (up to the bound of
            clipped gates), or does not name its candidate; the module has no biases; or ``longest`` is not above 2.
    """
    if not isinstance(longest, int | float) or not 2 < longest < math.inf:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"chrono initialisation needs a horizon of more than 2 steps, not {longest!r}")
    for keeping in _keepings(module, math.log(longest - 1.0)):
        if keeping.writers is None:
            what = f"{module.cell.name} does not name its candidate, so its input gate is not known"
            raise InputError(what, hint='declare it: @cell(..., candidate="g")')
        for suffix, sizes in places_of(module):
            keeper = parts_of(module, suffix, sizes, keeping.keeper)
            if not keeper:
                continue
            times = torch.empty(len(keeper[0]), device=keeper[0].device)
            log = times.uniform_(1.0, longest - 1.0, generator=generator).log()
            set_sum_(keeper, keeping.sign * log)
            for writer, direction in keeping.writers.items():
                set_sum_(parts_of(module, suffix, sizes, writer), -direction * log)


def orthogonal_(module: Module, gain: float = 1.0, generator: Generator | None = None) -> None:
    """Make U of each gate an orthogonal matrix times ``gain``, in each head; with a projection, one with P columns.

    Source: Saxe, McClelland, Ganguli, Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural
    Networks, arXiv:1312.6120: all singular values are one, so U neither stretches nor shrinks what it multiplies, nor
    gradients. Drawn for the stack of all gates at once, they would be so only together.

    Args:
        module: A recurrent module of `gatewise.nn`, changed in place.
        gain: What all singular values are.
        generator: Decides what is drawn; by default torch's own.

    Raises:
        InputError: It is not a recurrent module of `gatewise.nn`.
    """
    heads = module.options.heads if isinstance(module, Recurrent) else 1
    for suffix, sizes in places_of(module):
        weights = {name: getattr(module, name + suffix).detach() for name in sizes.recurrent()}
        for block in stacked_blocks(sizes, weights):
            for head in block.chunk(heads):
                wide = torch.empty_like(head, dtype=torch.promote_types(head.dtype, torch.float32))
                head.copy_(nn.init.orthogonal_(wide, gain, generator=generator))


def glorot_(module: Module, gain: float = 1.0, generator: Generator | None = None) -> None:
    """Draw W of each gate from U(-a, a), with a = gain sqrt(6 / (I + H)).

    Source: Glorot, Bengio, Understanding the Difficulty of Training Deep Feedforward Neural Networks, AISTATS 2010,
    equation 16: a middle way between keeping the variance of what goes forward and that of gradients. With torch's
    1/sqrt(H), a wide input drowns the state, and a single feature is hardly heard.

    Args:
        module: A recurrent module of `gatewise.nn`, changed in place.
        gain: A factor of the bound.
        generator: Decides what is drawn; by default torch's own.

    Raises:
        InputError: It is not a recurrent module of `gatewise.nn`.
    """
    for suffix, sizes in places_of(module):
        for block in stacked_blocks(sizes, {"weight_ih": getattr(module, f"weight_ih{suffix}").detach()}):
            nn.init.xavier_uniform_(block, gain, generator=generator)


def uniform_(module: Module, bound: float | None = None, generator: Generator | None = None) -> None:
    """Draw W of each gate from U(-bound, bound).

    Source: LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, section 4.6. Take it instead of `glorot_` where inputs
    are few and of variance 1.

    Args:
        module: A recurrent module of `gatewise.nn`, changed in place.
        bound: By default sqrt(3 / I), with which W x has the variance of x.
        generator: Decides what is drawn; by default torch's own.

    Raises:
        InputError: It is not a recurrent module of `gatewise.nn`.
    """
    for suffix, _ in places_of(module):
        weight = getattr(module, f"weight_ih{suffix}")
        limit = math.sqrt(3.0 / max(1, weight.shape[1])) if bound is None else bound
        nn.init.uniform_(weight, -limit, limit, generator=generator)


def _keepings(module: Module, reach: float) -> tuple[Keeping, ...]:
    """What keeps the module's memories by biases in [-reach, reach]. Raises InputError where nothing does."""
    first = next(places_of(module))
    known = keepings(module.cell, reach)
    if not known:
        what = f"no gate of {module.cell.name} keeps its memory as the logistic function of a bias up to {reach:.3g}"
        raise InputError(what, hint="initialise it with glorot_ and orthogonal_ alone")
    biased = tuple(keeping for keeping in known if parts_of(module, *first, keeping.keeper))
    if not biased and not module.bias:
        raise InputError(f"{type(module).__name__} has no biases", hint="bias=True")
    if not biased:
        keepers = " and ".join(keeping.keeper.removeprefix("a_") for keeping in known)
        what = f"{module.cell.name} keeps its memory by {keepers}, which has no bias"
        raise InputError(what, hint="declare the gate with one, W x + U h + b")
    return biased
