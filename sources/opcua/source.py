"""The source of one OPC UA device: told of changes, and asking again all the same.

    subscription ──► what changed ──► newest of every point ──► Reading           as it comes
    deadline ──► heard lately, read lately? ──► nothing            every `poll`, on absolute deadlines
                  └── no ──► read every point ──► Reading
                              └── no session, no reply ──► Reading, all PROTOCOL, at once

Subscriptions go silent without a word (reliability §1.4), so they are never the truth:

* Without a notification since the last deadline, or every `TRUTH_S` in any case, all points are read; a read counts
  over what was told before. So values come at least once per `poll`, with a subscription and without one.
* A server that says nothing for longer than it promised, not even that it is alive, or that read values contradict
  twice without a notification in between, is subscribed anew; one that takes no subscription is read.
* What a point's own source time stamp does to it is said in `sources.opcua.times`.

The reading's time stamp is the source time stamp of the profile's `stamp` point. Nothing that a server sends raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import floor, inf

import numpy as np
from loguru import logger

from config.profile import Profile
from jit.codes import Quality
from sources.complaint import Complaints
from sources.opcua.connection import Connection
from sources.opcua.errors import OpcuaFault, Rejected
from sources.opcua.session import NodeId, Session, Subscribed
from sources.opcua.times import Times
from sources.opcua.values import UNKNOWN, Said, Told, reader
from sources.pause import pause
from sources.points import point_names
from sources.reading import Emit, Reading, lost

TRUTH_S = 1.0
ANEW_S = 10.0  # a server that takes no subscription, or one that is deaf, is asked again so much later


class OpcuaSource:
    """Hands every reading of `device` to `emit`, in the loop's thread. `fault` is the newest failure, or empty.

    `polls`, `failures`, `notifications` and `anew` (subscriptions made again) count since the start.
    """

    def __init__(
        self, device: str, profile: Profile, nodes: Mapping[str, str], connection: Connection,
        clock: Callable[[], float], emit: Emit, utc_ns: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        self.device = device
        self.polls = self.failures = self.notifications = self.anew = 0
        self.fault = ""
        self._names = point_names(profile)
        self._texts = [nodes[name] for name in self._names]
        self._readers = [reader(profile, name) for name in self._names]
        self._stamp = self._names.index(profile.stamp) if profile.stamp in self._names else None
        self._period = profile.poll
        self._connection, self._clock, self._emit, self._utc_ns = connection, clock, emit, utc_ns
        self._complaints = Complaints(lambda text: logger.warning("{}: {}", device, text))
        self._session: Session | None = None
        self._nodes: list[NodeId] = []
        self._told: list[Told] = []
        self._read: list[Told] = []
        self._notified: list[Told | None] = []
        self._deaf: dict[int, Told] = {}
        self._subscribed: Subscribed | None = None
        self._forget(None)

    async def run(self) -> None:
        """Read, subscribe and watch until cancelled."""
        start = self._clock()
        await self._connection.connect()
        while True:
            await self._turn()
            passed = floor((self._clock() - start) / self._period) + 1
            await pause(max(0.0, start + passed * self._period - self._clock()))

    async def poll(self) -> Reading:
        """One reading, now."""
        self.polls += 1
        try:
            self._renew()
            said = await self._connection.read(self._nodes)
        except OpcuaFault as fault:
            self.failures += 1
            self.fault = str(fault)
            return lost(self.device, self._clock(), len(self._names), Quality.PROTOCOL)
        self.fault, self._read_s = "", self._clock()
        self._read = [point.told(value) for point, value in zip(self._readers, said, strict=True)]
        self._told = [self._times.read(index, told) for index, told in enumerate(self._read)]
        return self._reading()

    async def _turn(self) -> None:
        """What one deadline asks for."""
        self._renew_if_open()
        now = self._clock()
        if not (now - self._heard_s < self._period and now - self._read_s < TRUTH_S):
            reading = await self.poll()
            self._emit(reading)
            if not self.fault:
                self._compare()
        if self._session is not None and not self._session.ended:
            await self._tend(self._session)

    def _renew_if_open(self) -> None:
        if self._connection.session is not self._session:
            self._forget(None)

    def _renew(self) -> None:
        """In a new session nothing is known and nothing is subscribed. Raises `OpcuaFault` without one."""
        session = self._connection.session
        if session is None or session is not self._session:
            self._forget(None)
            self._nodes = [self._connection.node(text) for text in self._texts]
            self._session = session

    def _forget(self, session: Session | None) -> None:
        self._session = session
        self._nodes = []
        self._told = [UNKNOWN] * len(self._names)
        self._times = Times(len(self._names), self._utc_ns)
        self._notified = [None] * len(self._names)
        self._deaf, self._subscribed = {}, None
        self._heard_s = self._read_s = self._alive_s = -inf
        self._again_s = -inf

    def _reading(self) -> Reading:
        values = np.array([told.value for told in self._told], np.float64)
        quality = np.array([int(told.quality) for told in self._told], np.int64)
        stamp_ns = None if self._stamp is None else self._told[self._stamp].stamp_ns
        return Reading(self.device, self._clock(), values, quality, stamp_ns)

    # --- the subscription -------------------------------------------------------------------------------------------

    def _changed(self, session: Session, changes: Sequence[tuple[int, Said]]) -> None:
        """A publish response of the subscription in this session arrived."""
        if session is not self._session:
            return
        self._alive_s = self._clock()
        if not changes:
            return
        self._heard_s = self._alive_s
        self._complaints.well()
        self.notifications += 1
        for index, said in changes:
            if 0 <= index < len(self._told):
                self._notified[index] = told = self._readers[index].told(said)
                self._told[index] = self._times.notified(index, told) or self._told[index]
        if self._read_s > -inf:  # until all points are known, nothing is told of any
            self._emit(self._reading())

    def _compare(self) -> None:
        """Points whose read value the subscription should have told, and has not since the last read."""
        differing = {
            index: notified
            for index, notified in enumerate(self._notified)
            if notified is not None and not _same(notified, self._read[index])
        }
        deaf = [index for index, notified in differing.items() if self._deaf.get(index) is notified]
        self._deaf = differing
        if deaf and self._subscribed is not None and self._clock() >= self._again_s:
            name = self._names[deaf[0]]
            self._complaints.wrong(f"the subscription does not tell changes of `{name}`; subscribing anew")
            self._alive_s = -inf

    async def _tend(self, session: Session) -> None:
        """Subscribe where there is no subscription, or none that is alive."""
        made, now = self._subscribed, self._clock()
        if made is not None and now - self._alive_s <= made.silent_s:
            return
        if made is None and now < self._again_s:
            return
        self._again_s = now + ANEW_S
        self._subscribed = None
        self._notified = [None] * len(self._names)
        try:
            if made is not None:
                self.anew += 1
                self._complaints.wrong("the subscription is silent; subscribing anew")
                await self._connection.watch(session.unsubscribe(made.number))
        except Rejected:
            pass  # the server has forgotten it already
        except OpcuaFault:
            return  # the connection is in trouble, and says so itself
        try:
            heard = session.subscribe(self._nodes, self._period, lambda changes: self._changed(session, changes))
            self._subscribed = await self._connection.watch(heard)
        except Rejected as fault:
            self._complaints.wrong(f"no subscription, its points are read instead: {fault}")
        except OpcuaFault:
            return
        self._alive_s = self._clock()

def _same(first: Told, second: Told) -> bool:
    """Whether two values are told alike; what is not a number is told alike each time."""
    return first.quality == second.quality and (first.raw == second.raw or repr(first.raw) == repr(second.raw))
