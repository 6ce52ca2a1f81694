"""The grid operator's ceilings that come over the endpoint: judged, journalled, handed to the next tick.

    document ─► `sources.ceiling` ─► declared? newer? not of the future? ─► journal, synced ─► post(Ceiling)

Guarantees: what was answered as taken acts in the next tick and stands after any restart: `standing` reads it back from
the journal, and the chain keeps the one that was issued last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import orjson

from config.definition import Definition
from operators.newest import FUTURE_S
from sinks.journal import Journal, JournalFileError
from sinks.web.ports import CeilingRefusedError, JournalError, Principal
from sources.ceiling import Ceiling, CeilingError, Direction, ceiling_of, read_ceiling
from sources.instant import format_exact, format_utc

WHAT = "ceiling"  # of a record in the journal: the direction is its subject, the ceiling as JSON its `why`


class Ceilings:
    """`issued_s` tells when the newest ceiling of a direction that the chain knows was issued (UTC s, NaN: none)."""

    def __init__(
        self,
        definition: Definition,
        journal: Journal,
        post: Callable[[Ceiling], None],
        issued_s: Callable[[Direction], float],
        utc_ns: Callable[[], int],
    ) -> None:
        told = [limit.grid_operator for limit in definition.limits]
        self._of_kw: dict[str, float] = {each.direction: each.of for each in told if each.from_ == "endpoint"}
        self._journal, self._post, self._issued_s, self._utc_ns = journal, post, issued_s, utc_ns

    async def take(self, document: Mapping[str, Any], who: Principal) -> Ceiling:
        """Raises `CeilingError`, `CeilingRefusedError`, or `JournalError` and then nothing was taken."""
        direction = document.get("direction")
        if direction not in ("import", "export"):
            raise CeilingError("`direction` is neither import nor export")
        if direction not in self._of_kw:
            raise CeilingRefusedError("no-such-limit", f"no entry of limits: takes a ceiling on {direction} from here")
        told = ceiling_of(document, direction, self._of_kw[direction], f"rest:{who.name}")
        self._judge(told)
        kw = told.kw if isfinite(told.kw) else None
        why = orjson.dumps({"kw": kw, "issued_at": format_exact(told.issued_ns)}).decode()
        try:
            await self._journal.note(
                WHAT, at_ns=self._utc_ns(), operator=who.name, role=who.role.word, subject=direction, why=why
            )
        except JournalFileError as error:
            raise JournalError(str(error), acted=False) from error
        self._post(told)
        return told

    def _judge(self, told: Ceiling) -> None:
        issued_s, known_s = told.issued_ns * 1e-9, self._issued_s(told.direction)
        if issued_s < known_s:
            raise CeilingRefusedError("older-ceiling", f"one issued at {format_utc(round(known_s * 1e9))} stands")
        if issued_s > self._utc_ns() * 1e-9 + FUTURE_S:
            raise CeilingRefusedError("issued-in-the-future", f"more than {FUTURE_S:g} s ahead of the clock here")

    def standing(self) -> list[Ceiling]:
        """The ceilings that were taken, oldest first; one that is no longer awaited here is none."""
        return [
            read_ceiling(entry.why, direction, self._of_kw[entry.id], f"rest:{entry.operator}")
            for direction in ("import", "export")
            for entry in self._journal.entries
            if entry.what == WHAT and entry.accepted and entry.id == direction and direction in self._of_kw
        ]
