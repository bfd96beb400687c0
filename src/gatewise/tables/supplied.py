"""A panel with everything that is known besides its past: which covariates it has, and what each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, argument
from ..words import count, listed
from .beside import columns_of, shared_columns, with_static
from .covariates import ROLES, Covariate, Covariates, Matrix, Role
from .future import with_future
from .holidays import with_holidays
from .leaks import refuse_leaks
from .options import CovariateOptions, ReadOptions
from .panel import Frequency, Panel
from .panels import panel_from_frame
from .reading import load_panel


def panel_with_covariates(
    data: Any,
    options: ReadOptions,
    wanted: CovariateOptions,
    future: Any = None,
    *,
    horizon: int,
    otherwise: Role = "known",
    pace: Frequency | None = None,
    source: str = "the data frame",
) -> Panel:
    """The series of a frame or file with the covariates that are wanted.

    future: a table of them after the end of the data, or None. otherwise: the role of a covariate of which nothing
    tells. source: what a frame is called in errors. Raises InputError as `load_panel`, and for covariates that cannot
    be used.
    """
    names = _names(data, options, wanted, future)
    present = names if future is None else [name for name in names if name in columns_of(data, options)]
    if isinstance(data, str | Path):
        panel = load_panel(data, options, pace=pace, covariates=present)
    else:
        panel = panel_from_frame(data, options, source, pace=pace, covariates=present)
    if names and panel.covariates is None:
        panel = replace(panel, covariates=Covariates((), tuple(np.empty((len(one), 0)) for one in panel.values)))
    if future is not None and names:
        panel = with_future(panel, future, options, names)
    if wanted.static is not None:
        panel = with_static(panel, wanted.static, options, horizon)
    if wanted.holidays is not None:
        panel = with_holidays(panel, wanted.holidays, options, horizon)
    return panel if panel.covariates is None else settled(panel, wanted.roles, otherwise)


def _names(data: Any, options: ReadOptions, wanted: CovariateOptions, future: Any) -> list[str]:
    if wanted.covariates is not None or future is None:
        return list(wanted.roles)
    names = shared_columns(data, future, options)
    if not names and not wanted.named:
        raise InputError(
            "the future and the data share no column that could be a covariate",
            where=argument("future"),
            hint=f"name them alike in both, or give {argument('covariates')}",
        )
    return names


def settled(panel: Panel, roles: Mapping[str, str | None], otherwise: Role) -> Panel:
    """The panel whose covariates have roles, and no gaps in the past; notes say which, and what was put in."""
    covariates = panel.covariates
    assert covariates is not None
    _check_lengths(panel, covariates)
    columns, values, notes = list(covariates.columns), [one.copy() for one in covariates.values], list[str]()
    for at, column in enumerate(columns):
        own = [matrix[:, at] for matrix in values]
        role = column.role or _asked(roles.get(column.name)) or _inferred(panel, own, otherwise)
        columns[at] = replace(column, role=role)
        _check_known(panel, column, own)
        if made := sum(_held(one, length) for one, length in zip(own, panel.lengths.tolist(), strict=True)):
            notes.append(f"{count(made, 'value')} of {column.name!r} missing in the past: the one before stands in")
        if role == "past":
            for one, length in zip(own, panel.lengths.tolist(), strict=True):
                one[length:] = np.nan
    panel = replace(panel, covariates=replace(covariates, columns=tuple(columns), values=tuple(values)))
    refuse_leaks(panel)
    return replace(panel, notes=(*panel.notes, _said(columns), *notes))


def _check_lengths(panel: Panel, covariates: Covariates) -> None:
    names = covariates.names
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        what = f"there are two covariates called {twice[0]!r}"
        raise InputError(what, where=argument("covariates"), hint="rename one of the columns")


def _asked(role: str | None) -> Role | None:
    return role if role == "known" or role == "past" else None


def _inferred(panel: Panel, own: Sequence[Matrix], otherwise: Role) -> Role:
    """Known ahead where values go on after the last target of a series, static where none of them ever changes."""
    lengths = panel.lengths.tolist()
    if all(len(set(one[~np.isnan(one)].tolist())) <= 1 for one in own):
        return "static"
    after = any((~np.isnan(one[length:])).any() for one, length in zip(own, lengths, strict=True))
    return "known" if after else otherwise


def _check_known(panel: Panel, column: Covariate, own: Sequence[Matrix]) -> None:
    """InputError where nothing is known of a covariate in the past of a series."""
    for name, one, length in zip(panel.ids, own, panel.lengths.tolist(), strict=True):
        if np.isnan(one[:length]).all():
            of = f" of series {name!r}" if len(panel) > 1 else ""
            what = f"nothing is known of {column.name!r} in the past{of}, and so nothing can be learned from it"
            hint = f"put its past values into the data, or leave it out of {argument('covariates')}"
            raise InputError(what, where=column.source, hint=hint)


def _held(own: Matrix, length: int) -> int:
    """Put the value before, or the first there is, in place of those missing in the past; how many."""
    past = own[:length]
    missing = np.isnan(past)
    if not missing.any():
        return 0
    places = np.maximum.accumulate(np.where(missing, -1, np.arange(length)))
    past[:] = past[np.where(places < 0, int(np.argmin(missing)), places)]
    return int(missing.sum())


def _said(columns: Sequence[Covariate]) -> str:
    """The covariates by their roles."""
    parts: list[str] = []
    for role, words in ROLES.items():
        if names := [repr(column.name) for column in columns if column.role == role]:
            parts.append(f"{listed(names)} {words}")
    return f"covariates: {', '.join(parts)}"
