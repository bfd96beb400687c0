"""How a forecaster reads the tables that it is given: to be fitted, and then in the same way."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

from ...errors import ARGUMENT, InputError, ModelFileError, advised
from ...tables.holidays import NAME as HOLIDAYS
from ...tables.options import DEFAULTS, NO_COVARIATES, CovariateOptions, ReadOptions, Seasons, seasons_of
from ...tables.panel import Data, Frequency, Panel
from .. import arguments
from ..estimator import Estimator
from .ahead import refuse_useless
from .history import Schema

OF_FIT = frozenset(field.name for field in fields(CovariateOptions)) | {"future"}
"""Arguments of `fit` itself that errors about tables name."""


class TableReader(Estimator):
    """What a forecaster reads: tables as `fit` was told, and further ones by the schema that it has had since."""

    horizon: int
    season: Seasons | None
    panel_: Panel | None
    schema_: Schema
    read_: ReadOptions
    wanted_: CovariateOptions

    def _history(
        self,
        frame: Data | None,
        read: ReadOptions | None,
        future: Data | None = None,
        static: Data | None = None,
    ) -> Panel:
        """The series to forecast from: those of the frame, or else those learned from, with this future.

        static: the table that describes those of the frame, None for that of `fit`.
        """
        self._check_fitted()
        if frame is None:
            if self.panel_ is None:
                raise InputError(
                    "a loaded model holds no data to forecast from", hint="give the history: predict(frame)"
                )
            return self.panel_ if future is None else self._with_future(self.panel_, future)
        panel = self._panel(frame, read, self.schema_, wanted=self._known_covariates(static, read), future=future)
        schema = self.schema_
        told = {"season": schema.season, "longer": schema.longer, "unshown": schema.unshown}
        return replace(self._agreeing(panel), **told, assumed=False)

    def _with_future(self, panel: Panel, future: Data) -> Panel:
        """The panel with the values of its covariates in a table."""
        from ...tables.future import with_future

        names = [one.name for one in panel.covariates.columns if one.role == "known"] if panel.covariates else []
        refuse_useless(names)
        return with_future(panel, future, self.read_, names)

    @property
    def known_covariates(self) -> CovariateOptions:
        """The covariates that further tables must have, with the roles that they have by now."""
        return self._known_covariates()

    def _known_covariates(self, static: Data | None = None, read: ReadOptions | None = None) -> CovariateOptions:
        """See `known_covariates`. static: the table of those that never change, None for that of `fit`; what is not in
        it is a column of the data."""
        from ...tables.beside import columns_of

        schema, static = self.schema_, self.wanted_.static if static is None else static
        if not schema.informed:
            return NO_COVARIATES
        names, holidays = dict[str, str | None](schema.covariates), self.wanted_.holidays
        if holidays is not None:
            names.pop(HOLIDAYS, None)
        described = () if static is None or not schema.static else columns_of(static, read or self.read_)
        names |= dict.fromkeys(name for name in schema.static if name not in described)
        table = static if described else None
        return replace(self.wanted_, covariates=names, static=table, holidays=holidays or schema.holidays or None)

    def _agreeing(self, panel: Panel) -> Panel:
        """The panel; InputError or ModelFileError where it is of other columns or another frequency."""
        if different := self.schema_.disagreement(panel):
            raise (ModelFileError if self.panel_ is None else InputError)(
                different, hint="give data like those the model learned from, or fit a model to these"
            )
        return panel

    def _panel(
        self,
        frame: Data,
        read: ReadOptions | None,
        schema: Schema | None = None,
        pace: Frequency | None = None,
        wanted: CovariateOptions = NO_COVARIATES,
        future: Data | None = None,
    ) -> Panel:
        """The series of a table or panel; of a table with a known schema's columns, by their names.

        read: None for as `fit` was told where there is a schema, and else for the defaults. wanted, future: the
        covariates, and a table of them after the end.
        """
        asked = self._asked_seasons()
        if isinstance(frame, Panel):
            if read is not None:
                raise InputError("a Panel is read already", hint="give it without ReadOptions")
            if schema is None and (wanted.named or future is not None):
                raise InputError("a Panel has its covariates already", hint="give it without covariates and future")
            if asked is None:
                return frame
            return replace(frame, season=asked[0], longer=asked[1:], unshown=1, assumed=False)
        read = read or (DEFAULTS if schema is None else self.read_)
        settled = asked if schema is None else (schema.season, *schema.longer)
        if settled and read.seasons and settled[: len(read.seasons)] != read.seasons:
            told = (" and ".join(map(str, seasons)) for seasons in (settled, read.seasons))
            what = "the season is {} for the forecaster, and {} for the table".format(*told)
            raise InputError(what, hint="give it once")
        return self._read(frame, replace(read, season=settled or read.season), schema, pace, wanted, future)

    def _asked_seasons(self) -> tuple[int, ...] | None:
        """Those that the argument names, the shortest first."""
        return None if self.season is None else seasons_of(self.season)

    def _read(
        self,
        frame: Any,
        read: ReadOptions,
        schema: Schema | None,
        pace: Frequency | None,
        wanted: CovariateOptions,
        future: Data | None,
    ) -> Panel:
        """The series of a table; columns that the schema names are taken by name where the table has them.

        pace: the frequency, where that is known.
        """
        from ...tables.supplied import panel_with_covariates

        read = read if schema is None else schema.naming(read, frame)
        horizon = arguments.whole("horizon", self.horizon)
        with advising_read():
            return panel_with_covariates(frame, read, wanted, future, horizon=horizon, pace=pace)


@contextmanager
def advising_read() -> Generator[None]:
    """Errors that advise arguments of `ReadOptions` say where these are set."""
    try:
        yield
    except InputError as error:
        advises = {name for name, _ in ARGUMENT.findall(error.hint)}
        if not advises or advises <= OF_FIT:
            raise
        raise advised(error, f"{error.hint} (set in ReadOptions, which is passed as read)") from error
