"""Arguments that other forecasting libraries have, or have elsewhere: who comes with one is told what it is here."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import InputError, argument

_CALLED = {
    "future": ("futr_df", "X_df", "future_df", "X", "X_future", "exog", "xreg", "newxreg", "known_covariates"),
    "static": ("static_df", "static_covariates", "static_features", "static_features_df"),
    "covariates": (
        *("futr_exog_list", "hist_exog_list", "stat_exog_list", "exog_columns", "regressors", "past_covariates"),
        *("future_covariates", "known_covariates_names", "feature_columns", "past_covariates_names"),
    ),
    "holidays": ("country_holidays", "holidays_df", "add_country_holidays"),
    "horizon": ("horizon", "h", "fh", "n_periods", "prediction_length"),
    "levels": ("levels", "level", "quantiles", "quantile_levels", "prediction_intervals", "alpha"),
    "season": ("season", "season_length", "seasonal_periods"),
    "read": ("target", "freq", "target_col", "time_col", "id_col", "timestamp_column", "item_id_column"),
}
_SAYS = {
    "future": "the values of covariates after the end of the data, a table with their times",
    "static": "a table with one row for each series",
    "covariates": "names of columns of the data; which are known ahead is inferred",
    "holidays": 'a country such as "DE-BY", or a table with ds and name',
    "horizon": "an argument of Forecaster, how many steps it forecasts",
    "levels": "an argument of Forecaster; the interval of 80 % ends at the quantiles .1 and .9",
    "season": "an argument of Forecaster, observations in one season",
    "read": 'how the table is read, such as ReadOptions(target="sales")',
}
OURS = {foreign: ours for ours, names in _CALLED.items() for foreign in names}


def refuse(method: str, arguments: Mapping[str, object]) -> None:
    """Raise InputError for a name that another library uses, TypeError for any other, where there is one."""
    for name in arguments:
        if name in OURS:
            ours = OURS[name]
            raise InputError(f"{method} takes no `{name}`", hint=f"give {argument(ours)}: {_SAYS[ours]}")
        raise TypeError(f"{method}() got an unexpected keyword argument {name!r}")
