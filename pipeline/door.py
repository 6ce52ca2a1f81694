"""The way in for people and programs: journalled first, then handed to the next tick, every refusal noted.

A stop acts on the next tick regardless of the journal; everything else acts only once it is on disk. So a stop with a
full disk still stops, and the answer says that it may not survive a restart. A release lifts the stops that a tick had
seen when it was asked for, never a later one. What brings power acts soon, or not at all (`pipeline.waiting`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from operators.offers import TYPE_OF_KIND
from pipeline.admission import admit
from pipeline.ceilings import Ceilings
from pipeline.compile import Compiled
from pipeline.waiting import Waiting
from sinks.alarms.alarm import Shelf
from sinks.alarms.book import AlarmBook
from sinks.journal import Journal, JournalFileError
from sinks.web.ports import ActRefusedError, JournalError, Principal, Refusal, ScheduleRefusedError
from sources.act import ActKind, OperatorAct
from sources.ceiling import Ceiling, Direction
from sources.instant import format_utc
from sources.schedule import Schedule

#: How long a release waits for the tick that takes an earlier stop in (s).
SAMPLED_S = 5.0


class SiteDoor:
    """Fills in the endpoint's `Door`. `post` hands a signal to the graph; `held`: the version of a held schedule.

    `issued_s`: when the newest known ceiling of a direction was issued (UTC s). `local`: who is in local control now.
    """

    def __init__(
        self,
        compiled: Compiled,
        journal: Journal,
        book: AlarmBook,
        post: Callable[[Any], None],
        held: Callable[[Schedule], int | None],
        issued_s: Callable[[Direction], float],
        utc_ns: Callable[[], int],
        local: Callable[[], Sequence[str]],
    ) -> None:
        self._waiting = Waiting(local)
        self._compiled, self._journal, self._book = compiled, journal, book
        self._post, self._held, self._utc_ns = post, held, utc_ns
        self.ceilings = Ceilings(compiled.definition, journal, post, issued_s, utc_ns)
        self._stops = 0
        self._sampled = asyncio.Event()
        self._sampled.set()
        self._kinds = {TYPE_OF_KIND[r.kind]: r for r in compiled.definition.requests if r.kind in TYPE_OF_KIND}

    async def act(self, act: OperatorAct) -> None:
        if act.kind is ActKind.STOP:
            self._stops += 1
            self._sampled.clear()
            self._post(act)
            await self._write(act, acted=True)
            return
        # whatever lifts something waits for the tick that saw the stop, and never lifts one that came after it
        stops = self._stops
        try:
            await asyncio.wait_for(self._sampled.wait(), SAMPLED_S)
        except TimeoutError as error:
            raise JournalError("no tick has taken the stop in yet", acted=False) from error
        if act.kind is ActKind.RELEASE and self._stops != stops:
            raise ActRefusedError("stopped-again", "a stop came after this release: it stands")
        admit(act, self._journal, self._compiled.layout.assets)
        with self._waiting.of(act) as wait:
            await self._write(act, acted=False)
        parts = wait.parts(self._compiled.layout.assets)
        if wait.late_s is not None:
            raise JournalError(f"it was on disk only after {wait.late_s:.0f} s: ask again", acted=False)
        if not parts:
            raise ActRefusedError("local-control", "local control came before it was on disk: ask again")
        if self._stops == stops or act.kind is not ActKind.RELEASE:
            for part in parts:
                self._post(part)

    def ticked(self) -> None:
        """A tick has finished: every stop posted before it is in its frame."""
        self._sampled.set()
        self._waiting.ticked()

    async def _write(self, act: OperatorAct, *, acted: bool) -> None:
        try:
            await self._journal.append(act)
        except JournalFileError as error:
            raise JournalError(str(error), acted=acted) from error

    async def import_schedule(self, schedule: Schedule, who: Principal) -> None:
        if schedule.type not in self._kinds:
            raise ScheduleRefusedError(
                "no-such-request", f"no entry of requests: takes a schedule of type {schedule.type}"
            )
        if schedule.asset is not None and schedule.asset not in self._compiled.layout.column:
            raise ScheduleRefusedError("asset-not-registered", f"there is no asset {schedule.asset!r}")
        held = self._held(schedule)
        if held is not None and schedule.version < held:
            raise ScheduleRefusedError("version-conflict", f"version {held} is held, {schedule.version} is older")
        await self._note("schedule-import", who.name, who.role.word, asset=schedule.asset, subject=schedule.digest)
        self._post(schedule)

    async def set_ceiling(self, document: Mapping[str, Any], who: Principal) -> Ceiling:
        return await self.ceilings.take(document, who)

    async def acknowledge_alarm(self, alarm: str, who: Principal) -> bool:
        return bool(await self.acknowledge_alarms([alarm], who))

    async def acknowledge_alarms(self, alarms: Sequence[str], who: Principal) -> Sequence[str]:
        known = [alarm for alarm in dict.fromkeys(alarms) if alarm in self._book.alarms]
        if known:
            await self._note("alarm-acknowledge", who.name, who.role.word, subject=", ".join(known))
        return [alarm for alarm in known if self._book.acknowledge(alarm, self._utc_ns(), who.name)]

    async def shelve_alarm(self, alarm: str, who: Principal, reason: str, until_ns: int) -> bool:
        if alarm not in self._book.alarms:
            return False
        until = f"until {format_utc(until_ns)}"
        await self._note("alarm-shelve", who.name, who.role.word, subject=alarm, reason=reason, why=until)
        return self._book.shelve(alarm, Shelf(who.name, reason, self._utc_ns(), until_ns))

    async def unshelve_alarm(self, alarm: str, who: Principal) -> bool:
        if alarm not in self._book.shelves:
            return False
        await self._note("alarm-unshelve", who.name, who.role.word, subject=alarm)
        return self._book.unshelve(alarm, self._utc_ns(), who.name)

    async def refused(self, entry: Refusal) -> None:
        await self._note(
            "refused",
            entry.who,
            entry.role,
            reason=f"{entry.method} {entry.route}",
            accepted=False,
            why=f"{entry.status} {entry.error} from {entry.address}",
            at_ns=entry.at_ns,
        )

    async def _note(self, what: str, operator: str, role: str, *, at_ns: int | None = None, **more: Any) -> None:
        try:
            await self._journal.note(
                what, at_ns=self._utc_ns() if at_ns is None else at_ns, operator=operator, role=role, **more
            )
        except JournalFileError as error:
            raise JournalError(str(error), acted=False) from error
