"""Covariates as the network is told of them: the columns of the regression, laid out once for all series.

Beside them stands the calendar, since what a covariate does depends on the time of day.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .... import fields
from ....errors import InputError, argument
from ....fields import Fields
from ....nn.stored import check_finite, check_floats
from ....tables.covariates import Covariate, Covariates, longer
from ....tables.frequency import fixed_step
from ....tables.panel import Floats, Frequency, Panel
from ...arguments import LONGEST_SEASON
from ..regression.basis import KNOTS, MOST_WORDS, Block, blocks
from ..regression.calendar import Calendar, days_of

FURTHEST = 10.0
"""Deviations from the mean beyond which a column is told as these."""
CALENDAR = "the calendar"
SHORTEST_MONTH, MONTH = 28, 30.44  # days
_TINY = 1e-9

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """K columns that say of each step what is known besides the past, those of the calendar first.

    calendar: of steps that are numbered alike in all series. blocks: one for each covariate that changes, each of its
    own column, of which the words are numbered in the order of ``words``. words: of each block, none where it holds
    numbers. centre: (K,), and scale: (K,), what columns are shifted and multiplied by, 0 for one that does not change.
    Known only in the past, and so known late by a horizon, are the blocks with a lag.
    """

    calendar: Calendar
    blocks: tuple[Block, ...]
    words: tuple[tuple[str, ...], ...]
    centre: Floats
    scale: Floats

    @classmethod
    def of(cls, panel: Panel, season: int, horizon: int) -> Encoding | None:
        """That of what is known of the past of all series together; None where nothing changes."""
        covariates = panel.covariates
        if covariates is None:
            return None
        pasts = [known[:length] for known, length in zip(covariates.values, panel.lengths.tolist(), strict=True)]
        found = blocks(covariates, np.nan_to_num(np.concatenate(pasts)), season, horizon)
        if not found:
            return None
        words = tuple(tuple(covariates.columns[one.index].words[code] for code in one.words) for one in found)
        placed = [replace(one, index=place, words=tuple(range(len(one.words)))) for place, one in enumerate(found)]
        longest = panel.times[int(np.argmax(panel.lengths))]
        calendar = Calendar.of(longest, season, panel.longer[0] if panel.longer else 1)
        width = calendar.width + sum(one.width for one in placed)
        plain = cls(calendar, tuple(placed), words, np.zeros(width), np.ones(width))
        rows = np.concatenate(list(plain._columns(panel, 0)))
        centre, spread = rows.mean(axis=0), rows.std(axis=0)
        still = spread <= _TINY * np.maximum(np.abs(centre), 1)
        return replace(plain, centre=centre, scale=np.where(still, 0.0, 1 / np.where(still, 1.0, spread)))

    @property
    def width(self) -> int:
        """K."""
        return len(self.centre)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the covariates, in the order of their columns."""
        return tuple(block.name for block in self.blocks)

    @property
    def parts(self) -> dict[str, int]:
        """How many columns the calendar has, and each covariate, by what they are called."""
        return {CALENDAR: self.calendar.width, **{repr(block.name): block.width for block in self.blocks}}

    def told(self, panel: Panel, horizon: int) -> list[Rows]:
        """The columns of each series up to the horizon after its end, (T + horizon, K); 0 where nothing is known.

        Raises InputError for a panel that lacks a covariate, or has one of another kind.
        """
        found = [(columns - self.centre) * self.scale for columns in self._columns(panel, horizon)]
        return [np.nan_to_num(np.clip(one, -FURTHEST, FURTHEST)).astype(np.float32) for one in found]

    def _columns(self, panel: Panel, horizon: int) -> Generator[Floats]:
        """The columns of each series as they are, (T + horizon, K)."""
        for past, known in zip(panel.times, self._known(panel, horizon), strict=True):
            times = np.concatenate((past, panel.frequency.future(past[-1], horizon))) if horizon else past
            numbers = numbered(times, panel.frequency)
            calendar = self.calendar.phases(numbers), self.calendar.columns(numbers, times)
            yield np.hstack((*calendar, *(block.columns(known) for block in self.blocks)))

    def _known(self, panel: Panel, horizon: int) -> Generator[Floats]:
        """Of each series its own of the covariates, in their order here, (T + horizon, C)."""
        places = self._places(panel.covariates)
        assert panel.covariates is not None
        for known, length in zip(panel.covariates.values, (panel.lengths + horizon).tolist(), strict=True):
            own, pairs = longer(known, length)[:length], zip(places, self.words, strict=True)
            yield np.column_stack([_coded(own[:, at], column, words) for (at, column), words in pairs])

    def _places(self, covariates: Covariates | None) -> list[tuple[int, Covariate]]:
        """Where each block's covariate is, and what."""
        names = covariates.names if covariates else ()
        if lacking := [repr(name) for name in self.names if name not in names]:
            what = f"the model learned from the covariate {lacking[0]}, which the data were read without"
            raise InputError(what, hint=f"name it: {argument('covariates')}")
        assert covariates is not None
        places = [(names.index(name), covariates.columns[names.index(name)]) for name in self.names]
        for (_, column), words in zip(places, self.words, strict=True):
            if bool(column.words) != bool(words):
                kinds = ("words", "numbers") if column.words else ("numbers", "words")
                what = f"the covariate {column.name!r} holds {kinds[0]}, and held {kinds[1]} when the model learned"
                raise InputError(what, hint="give it as it was then")
        return places

    def state(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        """What `from_state` needs: tensors by name, and a record that JSON can hold."""
        records: list[dict[str, object]] = [
            {
                "name": block.name,
                "lag": block.lag,
                "means": list(block.means),
                "knots": [list(knots) for knots in block.knots],
                "shifts": list(block.shifts),
                "words": list(words),
            }
            for block, words in zip(self.blocks, self.words, strict=True)
        ]
        tensors = {"centre": torch.from_numpy(self.centre), "scale": torch.from_numpy(self.scale)}
        return tensors, {"calendar": asdict(self.calendar), "columns": records}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], record: Any, season: int, horizon: int) -> Encoding:
        """What `state` described. Raises InputError where it cannot have been described so."""
        claimed = stored(season, horizon).read(record)
        known, calendar = claimed["columns"], Calendar(**claimed["calendar"])
        found = tuple(
            Block(
                name=one["name"],
                index=place,
                lag=one["lag"],
                means=tuple(one["means"]),
                knots=tuple(map(tuple, one["knots"])),
                shifts=tuple(one["shifts"]),
                words=tuple(range(len(one["words"]))),
            )
            for place, one in enumerate(known)
        )
        if not found or len({block.name for block in found}) < len(found):
            raise InputError("a covariate is named twice" if found else "there are no covariates")
        if any(len(block.means) != len(block.knots) or bool(block.words) == bool(block.means) for block in found):
            raise InputError("a covariate holds either words, or numbers with knots for each mean")
        words = tuple(tuple(one["words"]) for one in known)
        return cls(calendar, found, words, *_scales(tensors, calendar.width + sum(block.width for block in found)))


def numbered(times: NDArray[np.generic], frequency: Frequency) -> NDArray[np.int64]:
    """The numbers of steps at these times, the same in every series; uneven steps are counted as months or days."""
    if frequency.counts:
        return times.astype(np.int64) // abs(int(frequency.alias))
    if step := fixed_step(frequency):
        return times.astype("datetime64[ns]").view(np.int64) // step
    days = float(np.median(np.diff(days_of(times[:1000])))) if len(times) > 1 else 1.0
    if days < SHORTEST_MONTH:
        return times.astype("datetime64[D]").astype(np.int64)
    return times.astype("datetime64[M]").astype(np.int64) // max(round(days / MONTH), 1)


def _coded(values: Floats, column: Covariate, words: tuple[str, ...]) -> Floats:
    """Words by the numbers that they have here, -1 for those that were not learned."""
    if not words:
        return values
    numbers = {word: float(number) for number, word in enumerate(words)}
    codes = np.array([*(numbers.get(word, -1.0) for word in column.words), np.nan])
    return codes[np.where(np.isnan(values), len(column.words), values).astype(np.int64)]


def stored(season: int, horizon: int) -> Fields:
    """An encoding in a file, for data of this season."""
    calendar = {
        "season": fields.whole(season, season),
        "longer": fields.whole(1, LONGEST_SEASON),
        "weekdays": fields.flag,
        "years": fields.flag,
    }
    columns = fields.listed(stored_block(season, horizon))
    return Fields({"calendar": Fields(calendar), "columns": columns})


def stored_block(season: int, horizon: int) -> Fields:
    """A covariate in a file."""
    return Fields(
        {
            "name": fields.text,
            "lag": fields.either(fields.whole(0, 0), fields.whole(horizon, horizon)),
            "means": fields.listed(fields.whole(1, max(season, 3)), 3),
            "knots": fields.listed(fields.listed(fields.number(), KNOTS), 3),
            "shifts": fields.listed(fields.whole(-season, season), 3),
            "words": fields.listed(fields.text, MOST_WORDS),
        }
    )


def _scales(tensors: Mapping[str, Tensor], width: int) -> tuple[Floats, Floats]:
    """Centre and scale of so many columns, out of a file."""
    if set(tensors) != {"centre", "scale"}:
        raise InputError("what scales covariates is not a centre and a scale")
    for name, tensor in tensors.items():
        check_floats(name, tensor)
        if tensor.shape != (width,):
            raise InputError(f"the {name} of the covariates is of {tuple(tensor.shape)} numbers, not of {width}")
    check_finite(tensors)
    return tensors["centre"].double().numpy(), tensors["scale"].double().numpy()
