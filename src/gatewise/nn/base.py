"""What layers and single cells have in common as modules of torch."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from ..equation import Cell


class RecurrentModule(nn.Module):
    """A module that refuses weights which are not finite, unless it is told to allow them."""

    allow_nonfinite = False
    class_cell: Cell | None = None
    """The cell of all modules of a class, which need not be saved with each."""

    @property
    def qconfig(self) -> Any:
        """What torch.ao.quantization puts down on every module before it replaces those that it knows."""
        if "_qconfig" not in self.__dict__:
            raise AttributeError("qconfig")
        return self.__dict__["_qconfig"]

    @qconfig.setter
    def qconfig(self, value: Any) -> None:
        warnings.warn(
            f"torch.ao.quantization leaves gatewise's {type(self).__name__} as it is: quantise torch.nn's layer with "
            "the same state_dict, or write it in 8 bits with gatewise.export.to_c",
            stacklevel=4,
        )
        self.__dict__["_qconfig"] = value

    @qconfig.deleter
    def qconfig(self) -> None:
        del self.__dict__["_qconfig"]

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        if not self.allow_nonfinite:
            error_msgs += self._without_nonfinite(state_dict, prefix)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def _without_nonfinite(self, state_dict: dict[str, Any], prefix: str) -> list[str]:
        """What is wrong with weights, which are replaced by those that the module has."""
        wrong: list[str] = []
        for name, own in self.named_parameters():
            weight = state_dict.get(prefix + name)
            if isinstance(weight, Tensor) and weight.is_floating_point() and not weight.is_meta:
                count = int((~torch.isfinite(weight)).sum())
                if count:
                    state_dict[prefix + name] = own.detach()
                    wrong.append(
                        f"{prefix + name} has {count} of {weight.numel()} values that are not finite; "
                        "set allow_nonfinite = True on the module to load them"
                    )
        return wrong
