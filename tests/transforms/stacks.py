"""A stack of layers composed by hand out of single ones."""

from __future__ import annotations

import torch
from torch.func import functional_call

from .loops import assert_close, gradients


def as_tuple(states):
    return states if isinstance(states, tuple) else (states,)


def flat(y, last):
    """The outputs, and each state of each layer and direction."""
    return [y, *(one for state in as_tuple(last) for one in state)]


def alone(module, place, x, states=None):
    """One layer in one direction as a module of its own, with the very weights."""
    with torch.random.fork_rng():
        single = type(module)(place.inputs, place.units, dtype=x.dtype, heads=module.options.heads)
    weights = {name + "_l0": getattr(module, name + place.suffix) for name in module.weight_shapes[place.suffix]}
    hx = None if states is None else tuple(state.unsqueeze(0) for state in states)
    y, last = functional_call(single, weights, (x, hx[0] if hx and len(hx) == 1 else hx))
    return y, [state.squeeze(0) for state in as_tuple(last)]


def by_hand(module, x, states=None, before=lambda layer, x: x, after=lambda layer, x, y: y):
    """The stack of layers, flat; states: of each layer and direction. before, after: what happens around a layer."""
    last = []
    for layer in range(module.num_layers):
        outputs, given = [], before(layer, x)
        for index, place in enumerate(module.places):
            if place.layer == layer:
                mine = given.flip(0) if place.reverse else given
                y, found = alone(module, place, mine, states and states[index])
                outputs.append(y.flip(0) if place.reverse else y)
                last.append(found)
        x = after(layer, x, torch.cat(outputs, -1))
    return [x, *(state for states in zip(*last, strict=True) for state in states)]


def assert_same(module, found, expected):
    """Results, and the gradients of every parameter."""
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs)
    finite = [[result for result in results if torch.isfinite(result).all()] for results in (found, expected)]
    parameters = dict(module.named_parameters())
    both = (gradients(results, list(parameters.values())) for results in finite)
    for name, ours, theirs in zip(parameters, *both, strict=True):
        assert_close(ours, theirs, name)
