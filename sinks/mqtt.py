"""The writer of a battery that is commanded over MQTT.

    offer(command) ─► latest wins ─► identified? ─► valid? ─► final clamp ─► Broker.send ─► its acknowledgement
                                      WITHHELD       EXPIRED                  FAILED         ├─ accepted ─► CONFIRMED
                                                                                             ├─ refused ──► REFUSED
                                                                                             └─ too late ─► FAILED

* The newest command at the moment of sending wins, and one is on its way to the broker at a time. None leaves after its
  deadline, is retained, is queued or is sent twice; what leaves is finite and inside the rating.
* Acknowledgements are matched by command id. Late ones, duplicates and those of ids that are not ours are counted and
  change nothing; retained ones are ignored. A missing one delays nothing: the next command does not wait for it.
* Every command that was tried gives one receipt: `written_kw` is what the bytes said, `latency_s` counts from `offer`.
* An MQTT 5 broker drops a command when its time is over; `valid_until` in the payload tells the device in any case.

Times are scheduler seconds of `clock`. Nothing raises what network or device did.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import nan

from loguru import logger

from config.asset import WriteBudget
from config.definition import Rated
from config.profile import Profile
from jit.codes import WriteStatus
from operators.cut import Command
from sinks.closing import closing
from sinks.conflate import Conflating
from sinks.mqtt_json import Encoder, read_acknowledgement
from sinks.pace import Pace
from sources.complaint import Complaints
from sources.mqtt.connection import Broker, Message
from sources.mqtt.identity import Introduced
from sources.receipt import EmitReceipt, Receipt
from sources.strict_json import shown

_REMEMBERED = 256
_RETRY_S = 0.05


@dataclass(frozen=True, slots=True)
class _Offered:
    """`number` counts the offers: a higher one is newer."""

    command: Command
    at_s: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class _Sent:
    """A command on the wire; `timer` ends the wait for its acknowledgement."""

    offered: _Offered
    written_kw: float
    timer: asyncio.TimerHandle


@dataclass(slots=True)
class AckCounters:
    """Acknowledgements that changed nothing. Many `foreign` ones mean a second master."""

    late: int = 0
    foreign: int = 0
    malformed: int = 0
    retained: int = 0


class MqttWriter:
    """Commands of `asset` on `command_topic`, acknowledged on `ack_topic` within `ack_s`. `run()` must run."""

    def __init__(
        self,
        asset: str,
        profile: Profile,
        rated: Rated,
        broker: Broker,
        command_topic: str,
        ack_topic: str,
        emit_receipt: EmitReceipt,
        clock: Callable[[], float],
        ack_s: float = 2.0,
        *,
        introduced: Introduced | None = None,
        budget: WriteBudget | None = None,
        ack_qos: int = 1,
    ) -> None:
        self.asset = asset
        self.closed: Command | None = None
        self._introduced = introduced
        self._pace = Pace(budget, clock)
        self.acks = AckCounters()
        self._encoder = Encoder(profile, rated)
        self._broker = broker
        self._topic = command_topic
        self._emit = emit_receipt
        self._clock = clock
        self._ack_s = ack_s
        self._newest: Conflating[_Offered] = Conflating(f"writer.{asset}", self._deliver, self._failed)
        self._sent: dict[str, _Sent] = {}
        self._past: deque[str] = deque(maxlen=_REMEMBERED)
        self._last: _Offered | None = None
        self._stopping = False
        self._silent = True
        self._skipped = 0
        self._zeros: set[str] = set()
        self._at_zero = asyncio.Event()
        self._complaints = Complaints(lambda text: logger.warning("{} on {}: {}", asset, command_topic, text))
        broker.reserve(command_topic)
        broker.subscribe(ack_topic, self.acknowledged, ack_qos)

    @property
    def superseded(self) -> int:
        """Commands that were replaced by a newer one before they were sent."""
        return self._newest.superseded + self._skipped

    def offer(self, command: Command) -> None:
        """Take the newest command; one that still waits is replaced and will never be sent."""
        if not self._stopping:
            self._silent = False
            self._pace.offered(command.power_kw)
            self._newest.offer(_Offered(command, self._clock(), self._newest.offered + 1))

    def silence(self) -> None:
        """The asset is silent: a command that still waits is not sent."""
        self._silent = True
        self._newest.clear()

    async def run(self) -> None:
        """Send what is offered until cancelled."""
        await self._newest.run()

    async def stop(self, timeout_s: float) -> bool:
        """Write 0 kW and wait for its acknowledgement; no command is taken after this. `run()` is not needed.

        True when the device has acknowledged 0 kW, or when this writer never wrote (silent stays silent). Tried again,
        each time with an id of its own, until `timeout_s` is over.
        """
        self._stopping = True
        self._newest.clear()
        last, attempt, deadline_s = self._last, 0, self._clock() + timeout_s
        while last is not None and not self._at_zero.is_set():
            now_s = self._clock()
            if now_s >= deadline_s:
                return False
            attempt += 1
            await self._broker.settled(self._topic, min(_RETRY_S, deadline_s - now_s))
            zero = _Offered(closing(last.command, last.at_s, now_s, deadline_s, attempt), now_s)
            self._zeros.add(zero.command.id)
            wait_s = self._ack_s if self._write(zero) else _RETRY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._at_zero.wait(), min(wait_s, deadline_s - now_s))
        return True

    def acknowledged(self, message: Message) -> None:
        """An acknowledgement arrived."""
        if message.retained:
            self.acks.retained += 1
            return
        answer = read_acknowledgement(message.payload)
        if isinstance(answer, str):
            self.acks.malformed += 1
            self._complaints.wrong(f"unreadable acknowledgement: {answer}")
            return
        sent = self._sent.pop(answer.command_id, None)
        if sent is None:
            self._unexpected(answer.command_id)
            return
        sent.timer.cancel()
        self._past.append(answer.command_id)
        status = WriteStatus.CONFIRMED if answer.accepted else WriteStatus.REFUSED
        if answer.accepted and answer.command_id in self._zeros:
            self._at_zero.set()
        self._settle(sent.offered, status, answer.reason, sent.written_kw)

    async def _deliver(self, offered: _Offered) -> None:
        """Let the broker take the previous command first; if a newer one was offered meanwhile, that one goes."""
        await self._pace.due()
        patience_s = min(self._ack_s, offered.command.deadline_s - self._clock())
        await self._broker.settled(self._topic, patience_s)
        if offered.number != self._newest.offered or self._stopping or self._silent:
            self._skipped += 1
            return
        self._write(offered)

    def _write(self, offered: _Offered) -> bool:
        """Encode, check the deadline and send, in one call without a pause. False (and a receipt) if nothing left."""
        command = offered.command
        if self._introduced is not None and not self._introduced.known:
            self._settle(offered, WriteStatus.WITHHELD, self._introduced.detail, nan)
            return False
        payload, power_kw = self._encoder.encode(command)
        refused = self._broker.send(self._topic, payload, command.deadline_s)
        if refused is not None:
            expired = not self._clock() < command.deadline_s
            self._settle(offered, WriteStatus.EXPIRED if expired else WriteStatus.FAILED, refused, nan)
            return False
        timer = asyncio.get_running_loop().call_later(self._ack_s, self._overdue, command.id)
        self._sent[command.id] = _Sent(offered, power_kw, timer)
        self._pace.sent()
        self._pace.said(power_kw)
        if self._stopping:
            self.closed = command
        else:
            self._last = offered
        return True

    def _overdue(self, command_id: str) -> None:
        sent = self._sent.pop(command_id, None)
        if sent is not None:
            self._past.append(command_id)
            self._settle(sent.offered, WriteStatus.FAILED, f"no acknowledgement in {self._ack_s:g} s", sent.written_kw)

    def _failed(self, offered: _Offered, error: Exception) -> None:
        """A defect of ours while writing: the command is reported as failed, the next one is tried."""
        self._settle(offered, WriteStatus.FAILED, f"{type(error).__name__}: {error}", nan)

    def _unexpected(self, command_id: str) -> None:
        if command_id in self._past:
            self.acks.late += 1
            return
        self.acks.foreign += 1
        self._complaints.wrong(f"acknowledgement of {shown(command_id)}, a command that is not ours: a second master?")

    def _settle(self, offered: _Offered, status: WriteStatus, detail: str, written_kw: float) -> None:
        now_s = self._clock()
        command = offered.command
        if status is not WriteStatus.CONFIRMED:
            self._complaints.wrong(f"{status.name.lower()}: {shown(detail, 120)}")
        else:
            self._complaints.well()
        self._emit(
            Receipt(
                asset=self.asset,
                tick=command.tick,
                at_s=now_s,
                status=status,
                written_kw=written_kw,
                latency_s=now_s - offered.at_s,
                detail=detail,
                contested=self._broker.second_master(),
            )
        )
