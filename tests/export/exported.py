"""Exported models beside their modules: random weights and inputs, and what ONNX Runtime answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from gatewise.export import to_onnx
from gatewise.nn.chain import Chain

from ..tolerance import ONNX_RUNTIME


def tamed(module: nn.Module) -> nn.Module:
    """Weights drawn so that values stay of the size of 1: products of half of what they multiply."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            scale = 0.5 * weight.shape[-1] ** -0.5 if weight.dim() == 2 else 0.2
            weight.copy_(scale * torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
    return module.eval()


def normal(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2), dtype=dtype)


def session_of(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def answers(session: Any, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {name: value.numpy() for name, value in inputs.items()})
    return {name: torch.from_numpy(np.asarray(value)) for name, value in zip(names, found, strict=True)}


def nodes_of(path: Path) -> list[Any]:
    return list(onnx.load(path).graph.node)


def attributes_of(node: Any) -> dict[str, Any]:
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def recurrent_nodes(path: Path) -> list[Any]:
    return [node for node in nodes_of(path) if node.op_type in ("LSTM", "GRU", "RNN", "Scan")]


def states_of(module: Any, last: Any) -> dict[str, Tensor]:
    """The states of one module that are tensors, by the cell's names."""
    names = module.cell.state
    return dict(zip(names, last if len(names) > 1 else (last,), strict=True))


def assert_same(
    module: Any, session: Any, x: Tensor, lengths: Tensor | None = None, atol: float = ONNX_RUNTIME
) -> None:
    """The file answers as the module does: from states that the module comes to, outputs and last states."""
    with torch.no_grad():
        hx = module(x)[1]
        y, last = module(x, hx, lengths=lengths)
    inputs = {"x": x} | {f"{name}_0": state for name, state in states_of(module, hx).items()}
    found = answers(session, inputs if lengths is None else inputs | {"lengths": lengths})
    expected = {"y": y} | {f"{name}_n": state for name, state in states_of(module, last).items()}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=atol, rtol=0, msg=lambda text, name=name: f"{name}: {text}")


def written(model: nn.Module, path: Path, **options: Any) -> tuple[Any, Any]:
    """The report, and a session of the file. What the exporter checks itself is left out."""
    return to_onnx(model, path, check=False, **options), session_of(path)


def chain(*parts: nn.Module) -> Chain:
    return tamed(Chain(*parts))  # pyright: ignore[reportReturnType]
