"""An LSTM as a scan in JAX. jax is no dependency of gatewise: this is imported where it is installed."""

# pyright: basic
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def forward(x: Any, W: Any, U: Any, b_ih: Any, b_hh: Any) -> Any:
    """The outputs (T, B, H) of x (T, B, I), gates in torch's order."""
    zeros = jnp.zeros((x.shape[1], U.shape[1]), x.dtype)

    def step(states: Any, z: Any) -> Any:
        h, c = states
        i, f, g, o = jnp.split(z + h @ U.T, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return jax.lax.scan(step, (zeros, zeros), x @ W.T + b_ih + b_hh)[1]


def inference(x: Any, weights: Any) -> Any:
    """A call for the outputs."""
    x, weights, run = jnp.asarray(x), [jnp.asarray(weight) for weight in weights], jax.jit(forward)
    return lambda: (run(x, *weights).block_until_ready(),)


def training(x: Any, weights: Any, seed: Any) -> Any:
    """A call for the outputs and the gradients of x, W and U."""
    x, seed, weights = jnp.asarray(x), jnp.asarray(seed), [jnp.asarray(weight) for weight in weights]

    @jax.jit
    def run(x: Any, *weights: Any) -> Any:
        y, pull = jax.vjp(forward, x, *weights)
        return y, *pull(seed)[:3]

    return lambda: jax.block_until_ready(run(x, *weights))
