"""Registers kept in flash memory wear out: they are written on change, rarely, and counted over restarts.

    asked ─► what is held is not beyond it, and the change is small ─► held, nothing is written
          ─► within the day's budget ─────────────────────────────► asked, in steps of rating / per_day, toward zero
          ─► the budget is spent ─────────────────────────────────► 0 kW

* A set-point is held only while it lies between 0 and what is asked: holding never gives more than was decided.
* How small a change is not worth a write grows with the day: rating × writes so far / writes a day.
* 0 kW always passes, and the last write of a day is kept for it. The rest of such a day is 0 kW, with an alarm.

A day is a UTC day, its number handed in; points that are written once a day are counted too. Counters
are kept in `path`; without one they last as long as the process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from math import trunc
from pathlib import Path

from loguru import logger

from config.asset import WriteBudget
from config.definition import Rated
from config.profile import Profile
from sinks.modbus.values import said
from sources.modbus.blocks import Run

#: Writes to a register in flash memory in a day, where the definition says nothing (reliability G23).
PER_DAY = 10


class Wear:
    """The registers of one device that are kept in flash; of a device without any it does nothing."""

    def __init__(
        self,
        profile: Profile,
        rated: Rated,
        budget: WriteBudget | None = None,
        utc_day: Callable[[], int] = lambda: 0,
        path: Path | None = None,
    ) -> None:
        self.per_day = PER_DAY if budget is None or budget.per_day is None else budget.per_day
        self.flash = frozenset(name for name, point in profile.write.items() if not point.volatile)
        self.daily = frozenset(name for name, point in profile.write.items() if point.cadence == "daily")
        self.counts: dict[str, int] = {}
        self._rating = max(rated.charge, rated.discharge)
        self._utc_day, self._path = utc_day, path
        self._day = utc_day()
        self._words: dict[int, list[int]] = {}
        self._held_kw: float | None = None
        self._load()

    @property
    def spent(self) -> list[str]:
        """Points whose writes of today are used up, but for the one that is kept for 0 kW."""
        if not self.flash:
            return []
        self._today()
        return [name for name in sorted(self.flash) if self.counts.get(name, 0) >= self.per_day - 1]

    def settle(self, asked_kw: float) -> float:
        """The power that is to be held instead of `asked_kw`: the same sign, never further from zero."""
        if "power" not in self.flash or asked_kw == 0.0:
            return asked_kw
        self._today()
        used, held = self.counts.get("power", 0), self._held_kw
        spent, step = used >= self.per_day - 1, self._rating / self.per_day
        coarse = trunc(asked_kw / step) * step
        if held is not None and held * asked_kw >= 0.0 and abs(held) <= abs(asked_kw):
            worth = self._rating * used / self.per_day
            if spent or abs(coarse) - abs(held) < max(worth, 1e-9):
                return held
        return 0.0 if spent else coarse

    def needless(self, run: Run, words: list[int]) -> bool:
        """Whether these words stand in flash already: written on change only."""
        if not self.flash:
            return False
        return self._words.get(run.address) == words and any(point.name in self.flash for point in run.points)

    def written_today(self, run: Run) -> bool:
        """Whether a run that is due once a day has had its day."""
        self._today()
        return any(self.counts.get(point.name, 0) for point in run.points)

    def sent(self, run: Run, words: list[int]) -> None:
        """A run has been written."""
        if not (self.flash or self.daily):
            return
        self._words[run.address] = words
        power = said(run.points, words, "power")
        self._held_kw = self._held_kw if power is None else power
        self.wrote(point.name for point in run.points)

    def wrote(self, names: Iterable[str]) -> None:
        """Count a write to these points, where they are in flash."""
        worn = (self.flash | self.daily).intersection(names)
        if worn:
            self._today()
            self.counts |= {name: self.counts.get(name, 0) + 1 for name in worn}
            self._keep()

    def forget(self) -> None:
        """The device may hold something else than what was written."""
        self._words.clear()
        self._held_kw = None

    def _today(self) -> None:
        day = self._utc_day()
        if day > self._day:
            self._day, self.counts = day, {}

    def _load(self) -> None:
        counted = self.flash | self.daily
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path is not None and counted else {}
            counts = {name: int(kept["counts"][name]) for name in counted if name in kept.get("counts", {})}
            self._day = min(self._day, int(kept.get("day", self._day)))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            logger.error("{}: unreadable, today's writes count as spent: {}", self._path, error)
            counts = dict.fromkeys(self.daily, 1) | dict.fromkeys(self.flash, self.per_day - 1)
        self.counts = counts

    def _keep(self) -> None:
        if self._path is None:
            return
        unfinished = self._path.with_suffix(".new")
        try:
            unfinished.write_text(json.dumps({"day": self._day, "counts": self.counts}), encoding="utf-8")
            unfinished.replace(self._path)
        except OSError as error:
            logger.error("{}: today's writes are not kept: {}", self._path, error.strerror)
