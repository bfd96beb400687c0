"""What forecasters, estimators of sequences and language models share: scikit-learn's conventions, without it."""

from __future__ import annotations

import inspect
import sys
from typing import Any, ClassVar, Self

from ..errors import InputError


class Estimator:
    """Constructor arguments, kept unchanged as attributes of the same name, that can be read and set by name.

    A subclass names in ``_fitted_attribute`` what only a fitted object has.
    """

    _fitted_attribute: ClassVar[str] = "network_"

    @classmethod
    def _parameters(cls) -> dict[str, inspect.Parameter]:
        parameters = dict(inspect.signature(cls.__init__).parameters)
        del parameters["self"]
        return parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every constructor argument by name; ``deep`` changes nothing, as no argument is an estimator."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments; they are checked when next used."""
        known = self._parameters()
        for name, value in params.items():
            if name not in known:
                raise InputError(f"there is no parameter {name!r}", hint=f"choose one of {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """The call that makes an equal, unfitted object, without the defaults."""
        parameters = self._parameters()
        changed = [
            f"{name}={value!r}" for name, value in self.get_params().items() if value != parameters[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _check_fitted(self) -> None:
        """Raise InputError before `fit`; it is scikit-learn's error too, where that is loaded."""
        if hasattr(self, self._fitted_attribute):
            return
        exceptions = sys.modules.get("sklearn.exceptions")
        error = type("NotFittedError", (InputError, exceptions.NotFittedError), {}) if exceptions else InputError
        raise error(f"this {type(self).__name__} is not fitted", hint="call fit first, or load a saved one")
