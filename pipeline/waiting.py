"""An act that brings power, while it waits for the disk: it acts on what its operator saw, or not at all.

    asked ──► journal, synced ──► within `JOURNAL_S`, and in remote control all the while? ──► handed to the next tick

A slow disk holds a record for many seconds. Meanwhile somebody may have taken the battery into local control and given
it back: then it waits for an activation of afterwards, and one of before would be a surprise. The endpoint answers 503
after as many seconds as an act is waited for here, so nothing acts later than its operator was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sinks.web.acts import JOURNAL_S
from sources.act import ActKind, OperatorAct

POWER = (ActKind.ACTIVATE, ActKind.MANUAL)


@dataclass(eq=False)
class Wait:
    """One act on its way to the disk. `went_local`: whom a tick saw in local control meanwhile."""

    act: OperatorAct
    asked_s: float
    went_local: set[str] = field(default_factory=set)

    def parts(self, assets: Sequence[str]) -> list[OperatorAct]:
        """What is left of the act: itself, parts of it, or nothing."""
        if self.act.kind not in POWER or not self.went_local:
            return [self.act]
        meant = assets if self.act.asset is None else (self.act.asset,)
        return [replace(self.act, asset=asset) for asset in meant if asset not in self.went_local]

    @property
    def late_s(self) -> float | None:
        """How long it took, where that is too long."""
        took_s = asyncio.get_running_loop().time() - self.asked_s
        return took_s if self.act.kind in POWER and took_s > JOURNAL_S else None


class Waiting:
    """All that wait. `local` names who is in local control in the newest frame."""

    def __init__(self, local: Callable[[], Sequence[str]]) -> None:
        self._local = local
        self._waits: list[Wait] = []

    @contextmanager
    def of(self, act: OperatorAct) -> Iterator[Wait]:
        wait = Wait(act, asyncio.get_running_loop().time())
        self._waits.append(wait)
        try:
            yield wait
        finally:
            self._waits.remove(wait)

    def ticked(self) -> None:
        """A tick has finished."""
        for wait in self._waits:
            wait.went_local.update(self._local())
