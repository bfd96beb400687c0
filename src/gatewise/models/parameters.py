"""scikit-learn's conventions for parameters, without scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, Self

from ..errors import InputError


class Parameters:
    """Constructor arguments, kept unchanged as attributes of the same name, that can be read and set by
    name."""

    @classmethod
    def _parameters(cls) -> dict[str, inspect.Parameter]:
        listed = dict(inspect.signature(cls.__init__).parameters)
        del listed["self"]
        return listed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every constructor argument by name; ``deep`` changes nothing, as no argument is an estimator."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments; they are checked when next used."""
        known = self._parameters()
        for name, value in params.items():
            if name not in known:
                raise InputError(f"there is no parameter {name!r}", hint=f"choose from {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """The call that makes an equal, unfitted object, without the defaults."""
        listed = self._parameters()
        given = [f"{name}={value!r}" for name, value in self.get_params().items() if value != listed[name].default]
        return f"{type(self).__name__}({', '.join(given)})"
