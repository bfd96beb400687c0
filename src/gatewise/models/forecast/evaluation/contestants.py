"""The models that take part by name, and the one that steps in where another cannot run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....errors import InputError
from ....tables.covariates import Role
from ....tables.panel import Floats, Panel
from ....words import count, few
from ..bounds import bounded, floors
from ..model import Model, Predictor, Setup
from ..results import Quantiles
from .baselines import Baseline, RollingBaseline
from .calibration import widened
from .methods import LONGEST_ETS_SEASON, METHODS
from .pool import Pool

if TYPE_CHECKING:
    from torch import Tensor

# A network is trained only where it can see this many seasons: with fewer it cannot tell season from trend.
LEAST_SEASONS = 3
# The shortest history of a window where there is no season: a spread can be told from it.
LEAST_HISTORY = 4


@dataclass(frozen=True)
class Contestant:
    """A model that takes part. make: a model to be fitted. restore: a fitted one from what its `state` gave.

    learns: whether it is trained once and then forecasts series it never saw. costly: seconds a series. enters: whether
    it takes part for series of this setup, of which most are intermittent or not. invited: whether, in this setup, it
    takes part where the user did not choose it. entrant: the model that takes part in its place. pools: the words of
    those whose forecasts are pooled to its own. rowwise: whether a series has the same bits in any company. informed:
    the roles of the covariates that it takes. in_a_sentence: what it is called there, where not by its name.
    """

    name: str
    make: Callable[[Setup], Model]
    restore: Callable[[Setup, Mapping[str, Tensor], Mapping[str, Any]], Model]
    learns: bool = False
    costly: bool = False
    enters: Callable[[Setup, bool], bool] = lambda setup, intermittent: True
    invited: Callable[[Setup], bool] = lambda setup: True
    entrant: Callable[[Setup], Model] | None = None
    pools: Callable[[Setup], list[str]] | None = None
    rowwise: bool = True
    in_a_sentence: str = ""
    informed: tuple[Role, ...] = ()

    @property
    def called(self) -> str:
        """The name as it stands in a sentence."""
        return self.in_a_sentence or self.name

    def history(self, model: Model, setup: Setup) -> int:
        """The shortest history with which the model takes part in a comparison."""
        if self.learns:
            return max(model.needs + setup.horizon, LEAST_SEASONS * setup.season)
        return max(model.needs, common_history(setup))


def common_history(setup: Setup) -> int:
    """Observations before the first window, for every model: two seasons can be told from one and a trend."""
    return 2 * setup.season + 1 if setup.season > 1 else LEAST_HISTORY


def _seasonal(setup: Setup, intermittent: bool) -> bool:
    return setup.season > 1


def _beyond_ets(setup: Setup, intermittent: bool) -> bool:
    return bool(setup.longer) or setup.season > LONGEST_ETS_SEASON


def _intermittent(setup: Setup, intermittent: bool) -> bool:
    return intermittent


def _informed(setup: Setup, intermittent: bool) -> bool:
    return setup.covariates


def _within_a_season(setup: Setup, intermittent: bool) -> bool:
    return setup.covariates and 1 < setup.season >= setup.horizon


def _make_direct(setup: Setup) -> Model:
    from ..regression.direct import Direct

    return Direct(setup)


def _make_rolling_direct(setup: Setup) -> Model:
    from ..regression.direct import RollingDirect

    return RollingDirect(setup)


def _make_regression(setup: Setup) -> Model:
    from ..regression.model import Regression

    return Regression(setup)


def _make_rolling_regression(setup: Setup) -> Model:
    from ..regression.model import RollingRegression

    return RollingRegression(setup)


def _make_lstm(setup: Setup) -> Model:
    from ..network.lstm_model import LSTMModel

    return LSTMModel.told(setup)


def _make_rolling_lstm(setup: Setup) -> Model:
    from ..network.rolling import RollingLSTM

    return RollingLSTM.told(setup)


def _restore_lstm(setup: Setup, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Model:
    from ..network.lstm_model import LSTMModel

    model = LSTMModel.from_state(dict(tensors), dict(settings))
    told, claimed = ((one.horizon, one.season, one.levels, one.seed, one.normalisation) for one in (setup, model))
    if told != claimed:
        raise InputError(f"the model forecasts {claimed}, and was saved for {told}")
    return model


def _make_pretrained(setup: Setup) -> Model:
    from ..pretrained.model import PretrainedModel

    return PretrainedModel(setup)


def _make_tuned(setup: Setup) -> Model:
    from ..pretrained.tuned import TunedModel

    return TunedModel(setup)


def _restore_tuned(setup: Setup, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Model:
    from ..pretrained.tuned import TunedModel

    return TunedModel.restored(setup, tensors, settings)


def _restored(name: str, make: Callable[[Setup], Model]) -> Callable[..., Model]:
    """What restores a model that a file holds nothing of but its name."""

    def restore(setup: Setup, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Model:
        if tensors or settings:
            raise InputError(f"{name} has neither weights nor settings")
        return make(setup)

    return restore


def _baseline(name: str, **traits: Any) -> Contestant:
    make, costly = partial(Baseline, name), METHODS[name].search is not None
    entrant = partial(RollingBaseline, name)
    return Contestant(name, make, _restored(name, make), costly=costly, entrant=entrant, **traits)


POOLED = ("seasonal_naive", "auto_theta", "auto_ets", "pretrained")
"""The words of those that are pooled, none of which has to be trained; the naive stands for the seasonal one where
there is no season."""


def _pooled(setup: Setup) -> list[str]:
    words = [word if word != "seasonal_naive" else plainest(setup) for word in POOLED]
    return [word for word in words if setup.members is None or word in setup.members]


def _make_pool(setup: Setup) -> Model:
    return Pool({word: CONTESTANTS[word].make(setup) for word in _pooled(setup)}, partial(_forecast, setup=setup))


def _make_empty_pool(setup: Setup) -> Model:
    """The pool in a backtest, where the others' forecasts are its own."""
    return Pool({}, partial(_forecast, setup=setup))


def _restore_pool(setup: Setup, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Model:
    from ....nn.stored import tensors_of

    known = set(settings) <= {*POOLED, "naive"} and all(isinstance(own, dict) for own in settings.values())
    if not settings or not known:
        raise InputError(f"a pool is of {', '.join(POOLED)}, not of {', '.join(map(repr, settings))}")
    if strange := [name for name in tensors if name.partition(".")[0] not in settings]:
        raise InputError(f"the tensor {strange[0]} has no place")
    members: dict[str, Model] = {}
    for word, own in settings.items():
        members[word] = CONTESTANTS[word].restore(setup, tensors_of(tensors, f"{word}."), own)
    return Pool(members, partial(_forecast, setup=setup))


def _forecast(model: Predictor, panel: Panel, setup: Setup) -> Quantiles:
    return forecast_all(model, panel, replace(setup, widening={}))


CONTESTANTS: dict[str, Contestant] = {
    "naive": _baseline("Naive"),
    "seasonal_naive": _baseline("SeasonalNaive", enters=_seasonal),  # else it is the naive
    "drift": _baseline("Drift"),
    "croston_sba": _baseline("CrostonSBA", enters=_intermittent),
    "tsb": _baseline("TSB", enters=_intermittent),
    "adida": _baseline("ADIDA", enters=_intermittent),
    "auto_theta": _baseline("AutoTheta"),
    "auto_ets": _baseline("AutoETS"),
    "mstl": _baseline("MSTL", enters=_beyond_ets),
    "auto_arima": _baseline("AutoARIMA"),
    "pretrained": Contestant("Pretrained", _make_pretrained, _restored("Pretrained", _make_pretrained)),
    "regression": Contestant(
        "Regression",
        _make_regression,
        _restored("Regression", _make_regression),
        enters=_informed,
        entrant=_make_rolling_regression,
        informed=("known", "past"),
    ),
    "direct": Contestant(
        "Direct",
        _make_direct,
        _restored("Direct", _make_direct),
        enters=_within_a_season,
        entrant=_make_rolling_direct,
        informed=("known", "past"),
    ),
    "pool": Contestant("Pool", _make_pool, _restore_pool, entrant=_make_empty_pool, pools=_pooled),
    "tuned": Contestant("Tuned", _make_tuned, _restore_tuned, learns=True, invited=lambda setup: setup.tune),
    "lstm": Contestant(
        "LSTM",
        _make_lstm,
        _restore_lstm,
        learns=True,
        invited=lambda setup: False,
        entrant=_make_rolling_lstm,
        rowwise=False,
        in_a_sentence="the LSTM",
        informed=("known", "past", "static"),
    ),
}


def untested(setup: Setup) -> str:
    """The word of the model that forecasts where none is asked for and none can be tested."""
    return "tuned" if setup.tune else "pretrained"


def field_of(chosen: str | None, setup: Setup) -> dict[str, Contestant]:
    """Those that take part in a contest: all that are invited, and the one that the user chose."""
    return {word: each for word, each in CONTESTANTS.items() if each.invited(setup) or word == chosen}


def plainest(setup: Setup) -> str:
    """The baseline for series too short to compare anything on."""
    return "seasonal_naive" if setup.season > 1 else "naive"


def forecast_all(model: Predictor, panel: Panel, setup: Setup, known: Floats | None = None) -> Quantiles:
    """The model's forecast, widened as the setup says; series shorter than it needs get the plainest baseline's.

    The notes say so. known: the `floors` of the panel, where they are known already.
    """
    forecast = widened(_unbounded(model, panel, setup), setup.widening)
    return bounded(forecast, floors(panel) if known is None else known, setup.bounds)


def _unbounded(model: Predictor, panel: Panel, setup: Setup) -> Quantiles:
    enough = panel.lengths >= model.needs
    if enough.all():
        return model.predict(panel)
    stand_in = CONTESTANTS[plainest(setup)].make(setup)
    short = panel.select(np.flatnonzero(~enough))
    values = np.empty((len(panel), setup.horizon, len(setup.levels)))
    plain = stand_in.predict(short)
    values[~enough] = plain.values
    note = (
        f"{count(len(short), 'series is', 'series are')} too short for {model.name}, which needs "
        f"{model.needs:,} observations ({few(short.ids)}): {plain.model} stands in."
    )
    stand_ins = {f"too short for {model.name}: {plain.model} stands in": short.ids}
    if not enough.any():
        return Quantiles(model.name, setup.levels, values, (note, *plain.notes), stand_ins=stand_ins)
    forecast = model.predict(panel.select(np.flatnonzero(enough)))
    values[enough] = forecast.values
    stand_ins = {**forecast.stand_ins, **stand_ins}
    return replace(forecast, values=values, notes=(*forecast.notes, note, *plain.notes), stand_ins=stand_ins)
