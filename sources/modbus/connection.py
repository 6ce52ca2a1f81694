"""One TCP connection to a Modbus device or gateway, shared by its source and its writer.

    idle ──keep()──► connecting ──► connected ──time-out, bad reply, reset──► closed ──back-off ≤ 2 s──► connecting

* One outstanding request; a request that waits for its turn to write goes before those that read (`Turns`).
* No retries: a set-point is computed anew by the next tick, never sent again.
* Time-outs are at most 0.4 s. After one the socket is closed, so that a late reply cannot answer the next request.
  On a gateway with several units the silent one is left alone instead (`Silent`), and the socket stays for its
  neighbours until `_DEAF` requests in a row went unanswered: a late reply has another transaction and is thrown away.
* A reply counts only if transaction, unit, function and length are the request's, and of a write address and count;
  transaction and unit 0 do not.
* Reconnecting, and the first connect as well, is tried for ever: 0.1 s, doubled up to 2 s, with jitter from outside.
  The delay starts over only after a good reply, so that a device that accepts and stays silent is not hammered.

Errors: `sources.modbus.errors`. Three losses caused by the other side within 60 s are reported as a second master.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from loguru import logger
from pymodbus import ModbusException
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from config.profile import Table
from sources.modbus.errors import BadReply, LeftAlone, LinkDown, ModbusFault, NoReply, NotFound, Rejected, TooLate
from sources.modbus.silent import Silent
from sources.modbus.turn import Turns
from sources.pause import pause

MAX_TIMEOUT = 0.4
MAX_BACK_OFF = 2.0
_FIRST_BACK_OFF = 0.1
_MOST_SAID = 8
_DEAF = 3  # requests without any answer after which a gateway is taken for lost
_NO_PATH = (10, 11)  # the gateway says that the unit does not answer
_HEADER = 8  # transaction, protocol, length, unit, function
_READ = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_WRITE = {"coil": 15, "holding": 16}
_WRITE_SINGLE = {"coil": 5, "holding": 6}
_FUNCTIONS = frozenset({*_READ.values(), *_WRITE.values(), *_WRITE_SINGLE.values()})


class Connection:
    """`clock` is the loop's time (s); `jitter` returns a number in [0, 1)."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        clock: Callable[[], float],
        timeout: float = MAX_TIMEOUT,
        jitter: Callable[[], float] = lambda: 0.5,
    ) -> None:
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # every failure is reported here, once
        self.place = f"{host}:{port}"
        self.timeout = min(timeout, MAX_TIMEOUT)
        self.tls: ssl.SSLContext | None = None  # with one, the line is Modbus/TCP Security: the same bytes within TLS
        self.requests = 0
        self.connects = 0
        self.renewed: list[Callable[[], None]] = []  # called at every connect: what was proved before counts no more
        self._host, self._port, self._clock, self._jitter = host, port, clock, jitter
        self._client: AsyncModbusTcpClient | None = None
        self._turns = Turns()
        self._connecting = asyncio.Lock()
        self._lost = asyncio.Event()
        self._waiting: asyncio.Timeout | None = None
        self._garbage = ""
        self._said: set[str] | None = None  # troubles said since the last good reply; None: none has come yet
        self._back_off = _FIRST_BACK_OFF
        self._losses: deque[float] = deque(maxlen=3)
        self._silent = Silent(clock)
        self._wanted: dict[int, int | None] = {}  # stand-ins, below 0, and the units that they are found to be
        self._unanswered = 0

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.connected

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return self._turns.waiting

    def join(self, unit: int, timeout: float) -> None:
        """`unit` is asked here too. The longest time-out of those who share a gateway is everybody's."""
        self._silent.units.add(unit)
        self.timeout = min(max(self.timeout, timeout), MAX_TIMEOUT)

    def stand_in(self) -> int:
        """A number below 0 for a unit that is still to be found: `found` says which one it is, in this connection."""
        unit = -1 - len(self._wanted)
        self._wanted[unit] = None
        return unit

    def found(self, stand_in: int, unit: int | None) -> None:
        """From now on, and until the next connect, requests to `stand_in` go to `unit`."""
        self._wanted[stand_in] = unit

    def unit(self, unit: int) -> int | None:
        """The unit that requests to this one go to; None while it is not found."""
        return unit if unit >= 0 else self._wanted[unit]

    def second_master(self) -> bool:
        """Whether the other side closed the connection three times within 60 s, not longer ago than that."""
        lately = len(self._losses) == 3 and self._clock() - self._losses[2] <= 60.0
        return lately and self._losses[2] - self._losses[0] <= 60.0

    def turn(self, *, urgent: bool = False) -> AbstractAsyncContextManager[None]:
        """Hold the line for one request, or for a sequence that nothing may come between."""
        return self._turns.take(urgent=urgent)

    async def keep(self) -> None:
        """Connect, and connect again whenever the connection is lost. Runs until cancelled."""
        while True:
            connected = await self.connect()
            _end_if_cancelled()
            if not connected:
                await pause(self._next_delay())
                continue
            await self._lost.wait()
            await pause(self._next_delay())

    async def connect(self) -> bool:
        """One attempt, at most `timeout` long; true when connected, also when it was before."""
        async with self._connecting:
            if self.connected:
                return True
            self._drop()
            self._lost.clear()
            if await self._open():
                self.connects += 1
                self._wanted = dict.fromkeys(self._wanted)
                for renewed in self.renewed:
                    renewed()
                return True
            self._drop()
            self._trouble(f"{self.place}: cannot connect, trying again every 2 s at most")
            return False

    async def _open(self) -> bool:
        client = self._new_client()
        self._garbage = ""
        opened = False
        try:
            opened = await client.connect() and client.connected
        finally:
            if not opened:
                client.close()
        if opened:
            client.ctx.next_tid = self.requests % 65000  # never the transaction of an earlier connection
            client.ctx.comm_params.timeout_connect = 2 * MAX_TIMEOUT  # replies are timed in `_answer`
            self._client = client  # only now, with no await until `renewed` is told: nobody asks on it before
        return opened

    async def read(self, unit: int, table: Table, address: int, count: int) -> list[int]:
        """`count` words (or bits as 0 and 1) from `address`. Call it inside `turn()`. Raises `ModbusFault`."""
        return await self._read(self._known(unit), table, address, count)

    async def probe(self, unit: int, table: Table, address: int, count: int) -> list[int] | None:
        """The same of a unit that may not be there: None when it refuses or is silent, which says nothing of the line.

        A late reply of it has another transaction and is thrown away.
        """
        try:
            return await self._read(unit, table, address, count, perhaps=True)
        except (Rejected, NoReply):
            return None

    async def _read(self, unit: int, table: Table, address: int, count: int, *, perhaps: bool = False) -> list[int]:
        client = self._ready(None if perhaps else unit)
        call = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }[table]
        request = call(address, count=count, device_id=unit)
        reply = await self._answer(unit, _READ[table], request, perhaps=perhaps)
        words = list(reply.registers or [int(bit) for bit in reply.bits][:count])
        if len(words) != count:
            raise self._break(BadReply(self.place, f"{len(words)} values instead of {count}"))
        return words

    async def write(
        self, unit: int, table: Table, address: int, words: Sequence[int], *, allowed: Callable[[], bool],
        single: bool = False,
    ) -> None:  # fmt: skip
        """Write `words` in one request. `allowed` is asked in the last instruction before the bytes leave.

        `single`: one word with FC5 or FC6, for devices that know no other.

        Call it inside `turn(urgent=True)`. Raises `ModbusFault`; `TooLate` when `allowed` says no: nothing was sent.
        """
        unit = self._known(unit)
        client = self._ready(unit)
        if not allowed():
            raise TooLate(self.place, "the command's time has passed, nothing was sent")
        # No await between the question above and the socket: the library sends before it first waits.
        request: Awaitable[ModbusPDU]
        if single and table == "coil":
            request = client.write_coil(address, bool(words[0]), device_id=unit)
        elif single:
            request = client.write_register(address, words[0], device_id=unit)
        elif table == "coil":
            request = client.write_coils(address, [bool(word) for word in words], device_id=unit)
        else:
            request = client.write_registers(address, list(words), device_id=unit)
        reply = await self._answer(unit, (_WRITE_SINGLE if single else _WRITE)[table], request)
        if reply.address != address or (not single and reply.count != len(words)):
            raise self._break(BadReply(self.place, "an acknowledgement of something else"))

    def close(self) -> None:
        """Close the socket; `keep()` opens it again."""
        self._unanswered = 0
        self._drop()
        self._lost.set()

    async def _answer(
        self, unit: int, function: int, request: Awaitable[ModbusPDU], *, perhaps: bool = False
    ) -> ModbusPDU:
        self.requests += 1
        try:
            async with asyncio.timeout(self.timeout) as self._waiting:
                reply = await request
        except TimeoutError:
            if self._garbage:
                raise self._break(BadReply(self.place, self._garbage)) from None
            if not self.connected:
                raise self._break(LinkDown(self.place, "connection lost while waiting for the reply")) from None
            silent = NoReply(self.place, f"no reply of unit {unit}") if perhaps else self._unheard(unit)
            raise silent from None
        except (ModbusException, OSError) as error:
            raise self._break(LinkDown(self.place, str(error))) from error
        except asyncio.CancelledError:
            self.close()  # its reply may still come
            raise
        finally:
            self._waiting = None
        _end_if_cancelled()
        if reply.dev_id != unit or reply.transaction_id == 0:
            raise self._break(BadReply(self.place, f"a reply of unit {reply.dev_id} without matching transaction"))
        if isinstance(reply, ExceptionResponse) and reply.function_code & 0x7F == function:
            self._well()
            (self._silent.missed if reply.exception_code in _NO_PATH else self._silent.heard)(unit)
            raise Rejected(self.place, reply.exception_code)
        if reply.function_code != function:
            raise self._break(BadReply(self.place, f"function {reply.function_code} instead of {function}"))
        self._well()
        self._silent.heard(unit)
        return reply

    def _unheard(self, unit: int) -> ModbusFault:
        """A request that nobody answered: the line is lost, or one of its units is."""
        self._unanswered += 1
        newly = self._silent.missed(unit)
        if not self._silent.shared:
            return self._break(NoReply(self.place, f"no reply within {self.timeout:g} s"))
        fault = NoReply(self.place, f"no reply of unit {unit} within {self.timeout:g} s")
        if self._unanswered >= _DEAF:
            return self._break(fault)
        if newly:
            logger.warning("modbus {}", fault)
        return fault

    def _known(self, unit: int) -> int:
        known = self.unit(unit)
        if known is None:
            raise NotFound(self.place, "its unit is not found yet")
        return known

    def _ready(self, unit: int | None) -> AsyncModbusTcpClient:
        wait_s = 0.0 if unit is None else self._silent.wait_s(unit)
        if wait_s > 0.0:
            raise LeftAlone(self.place, f"unit {unit} does not answer, asked again in {wait_s:.1f} s")
        if self._client is None or not self._client.connected:
            raise LinkDown(self.place, "not connected")
        return self._client

    def _new_client(self) -> AsyncModbusTcpClient:
        client = AsyncModbusTcpClient(
            self._host,
            port=self._port,
            timeout=self.timeout,
            retries=0,
            reconnect_delay=0,  # `keep` does it, the library never retries a failed first connect
            trace_packet=self._inspect,
            trace_connect=lambda up: None if up or client is not self._client else self._gone(),
        )
        if self.tls is not None:  # the library's own TLS client leaves out the header that the standard keeps
            client.ctx.comm_params.sslctx = self.tls
            client.ctx.init_setup_connect_listen(self._host, self._port)
        return client

    def _inspect(self, sending: bool, octets: bytes) -> bytes:
        """Refuse bytes that are no Modbus TCP before the library decodes them: it would raise inside the loop."""
        if sending or len(octets) < _HEADER:
            return octets
        length = int.from_bytes(octets[4:6], "big")
        if octets[2:4] != b"\0\0" or not 3 <= length <= 254:
            return self._refuse("bytes that are no Modbus TCP")
        if len(octets) >= 6 + length and not _is_reply(octets[7 : 6 + length]):
            return self._refuse(f"an unreadable reply, function {octets[7]}")
        return octets

    def _refuse(self, what: str) -> bytes:
        self._garbage = what
        self._interrupt()
        return b""

    def _gone(self) -> None:
        """The other side closed the connection."""
        self._losses.append(self._clock())
        self._trouble(f"{self.place}: connection lost")
        if self.second_master():
            self._trouble(f"{self.place}: connection lost three times in 60 s: a second master?")
        self._interrupt()
        self._lost.set()

    def _interrupt(self) -> None:
        """End the wait for a reply that can no longer come."""
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(self._clock())

    def _break(self, fault: ModbusFault) -> ModbusFault:
        """Close the connection because of `fault`, which is returned to be raised."""
        if not isinstance(fault, LinkDown):
            self._trouble(f"{fault}; connection closed")
        self.close()
        return fault

    def _well(self) -> None:
        """A good reply: the connection is what it should be, whatever was said before."""
        self._back_off, self._unanswered = _FIRST_BACK_OFF, 0
        if self._said is None or self._said:
            self._said = set()
            logger.info("modbus {}: connected", self.place)

    def _trouble(self, text: str) -> None:
        """Say each trouble once until a good reply comes: a device that talks nonsense must not fill the log."""
        said = self._said or set()
        if text not in said and len(said) < _MOST_SAID:
            self._said = said | {text}
            logger.warning("modbus {}", text)

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _next_delay(self) -> float:
        delay, self._back_off = self._back_off, min(2 * self._back_off, MAX_BACK_OFF)
        return delay * (0.5 + 0.5 * self._jitter())


def _is_reply(pdu: bytes) -> bool:
    """Whether a protocol data unit is a whole reply to one of the functions used here."""
    function = pdu[0]
    if function & 0x80:
        return len(pdu) == 2 and function & 0x7F in _FUNCTIONS
    if function in _READ.values():
        return len(pdu) == 2 + pdu[1]
    return function in _FUNCTIONS and len(pdu) == 5


def _end_if_cancelled() -> None:
    """`wait_for` of Python 3.11, in which the library waits, loses a cancellation that comes with the result."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
