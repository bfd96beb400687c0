"""Agents that learn by doing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .program import Library, Program, Step, trained

_States = tuple[Tensor, Tensor]


def _stepped(lstm: Any, features: Tensor, ended: Tensor, states: _States) -> tuple[Tensor, _States]:
    """Step by step, from zero where an episode has ended."""
    outputs: list[Tensor] = []
    for x, done in zip(features, ended, strict=True):
        going = (1.0 - done).view(1, -1, 1)
        y, states = lstm(x.unsqueeze(0), (going * states[0], going * states[1]))
        outputs.append(y)
    return torch.cat(outputs), states


def _policy_loss(logits: Tensor, values: Tensor, actions: Tensor, advantages: Tensor) -> Tensor:
    chosen = torch.distributions.Categorical(logits=logits)
    value = (values.squeeze(-1) - advantages).square().mean()
    return value - (chosen.log_prob(actions) * advantages).mean() - 0.01 * chosen.entropy().mean()


def _atari_agent(library: Library) -> Step:
    """cleanrl ppo_atari_lstm: frames through convolutions, then the LSTM; a rollout, and an update over it."""
    steps, games, units = 16, 4, 128
    sight = nn.Sequential(
        nn.Conv2d(1, 16, 8, 4), nn.ReLU(), nn.Conv2d(16, 16, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(144, units)
    )
    lstm, actor, critic = library.LSTM(units, units), nn.Linear(units, 4), nn.Linear(units, 1)
    frames = torch.rand(steps, games, 1, 36, 36)
    ended, advantages = (torch.rand(steps, games) < 0.1).float(), torch.randn(steps, games)
    actions = torch.randint(4, (steps, games))
    zeros = torch.zeros(1, games, units)

    def run(seen: Tensor, done: Tensor, states: _States) -> tuple[Tensor, _States]:
        features = torch.relu(sight(seen.flatten(0, 1))).view(len(seen), games, units)
        return _stepped(lstm, features, done, states)

    def loss() -> Tensor:
        states: _States = (zeros, zeros)
        with torch.no_grad():
            for seen, done in zip(frames.split(1), ended.split(1), strict=True):
                y, states = run(seen, done, states)
                actor(y)
                critic(y)
        y, _ = run(frames, ended, (zeros, zeros))
        return _policy_loss(actor(y), critic(y), actions, advantages)

    return trained(loss, sight, lstm, actor, critic)


def _recurrent_ppo(library: Library) -> Step:
    """sb3-contrib RecurrentPPO: an LSTM for the actor and one for the critic, on the few numbers of CartPole."""
    steps, games, units = 24, 4, 64
    lstms = nn.ModuleList(library.LSTM(4, units) for _ in range(2))
    heads = nn.ModuleList(nn.Sequential(nn.Linear(units, 64), nn.Tanh(), nn.Linear(64, outputs)) for outputs in (2, 1))
    seen, advantages = torch.randn(steps, games, 4), torch.randn(steps, games)
    ended, actions = (torch.rand(steps, games) < 0.1).float(), torch.randint(2, (steps, games))
    zeros = torch.zeros(1, games, units)

    def loss() -> Tensor:
        with torch.no_grad():
            states: list[_States] = [(zeros, zeros)] * 2
            for x, done in zip(seen.split(1), ended.split(1), strict=True):
                for index, (lstm, head) in enumerate(zip(lstms, heads, strict=True)):
                    y, states[index] = _stepped(lstm, x, done, states[index])
                    head(y)
        outputs = [_stepped(lstm, seen, ended, (zeros, zeros))[0] for lstm in lstms]
        logits, values = (head(y) for head, y in zip(heads, outputs, strict=True))
        return _policy_loss(logits, values, actions, advantages)

    return trained(loss, lstms, heads)


PROGRAMS: dict[str, Program] = {"Atari agent": _atari_agent, "RecurrentPPO": _recurrent_ppo}
