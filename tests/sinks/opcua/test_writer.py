"""The OPC UA writer against a real server: what arrives there, what is read back, what is never sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf, isnan, nan
from typing import Any

import pytest
from asyncua import ua

from config.asset import Identity, WriteBudget
from config.definition import Rated
from config.profile import Profile, RegisterType
from jit.codes import Mode, Proved, WriteStatus
from operators.cut import Command
from simulator.proxy import Proxy
from sinks.opcua.writer import OpcuaWriter
from sources.opcua.access import Access
from sources.opcua.connection import Connection
from sources.opcua.device import OpcuaDevice
from sources.proof import Proof
from sources.receipt import Receipt
from tests.real.opcua import VARIANT, Served
from tests.real.until import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.req("LH-OPCUA-002", "LH-SAFE-007", "LH-PROT-002"),
]

RATED = Rated(charge=200.0, discharge=250.0, energy=500.0)
SEEN_S = 0.3  # from the socket through line and server until it is noted, on a busy machine
POWER, BEAT = "ns=2;s=T.request", "ns=2;s=T.counter"


def profile(kind: RegisterType = "float64", **changes: Any) -> Profile:
    return Profile.model_validate(
        {
            "name": "t", "version": 1, "protocol": "opcua", "kind": "storage", "sign": "positive_is_discharge",
            "read": {
                "soc": {"node": "soc", "type": "float64", "unit": "%"},
                "setpoint": {"node": "request", "type": kind, "unit": "kW"},
            },
            "write": {
                "power": {"node": "request", "type": kind, "unit": "kW"},
                "heartbeat": {"node": "counter", "type": "uint32"},
            },
            "identity": {"serial": {"node": "serial"}},
            "watchdog": {"point": "heartbeat", "every": "1 s", "reverts_after": "10 s", "reverts_to": "0 kW"},
        } | changes
    )  # fmt: skip


@dataclass
class Bench:
    served: Served
    proxy: Proxy
    connection: Connection
    writer: OpcuaWriter
    receipts: list[Receipt]
    proofs: list[Proof]
    clock: Callable[[], float]

    def offer(self, power_kw: float, *, tick: int = 1, valid_s: float = 3.0, **fields: Any) -> None:
        self.writer.offer(command(power_kw, self.clock() + valid_s, tick, **fields))

    async def receipt(self, count: int = 1) -> Receipt:
        await until(lambda: len(self.receipts) >= count)
        return self.receipts[-1]

    def arrived(self, node: str = POWER) -> list[Any]:
        return [variant.Value for _, where, variant in self.served.written if where == node]


def command(power_kw: float, deadline_s: float, tick: int, **fields: Any) -> Command:
    mode = Mode.DISCHARGE if power_kw > 0 else Mode.CHARGE
    given: dict[str, Any] = {
        "id": f"c-{tick}", "tick": tick, "issued_ns": 0, "asset": "bess1", "power_kw": power_kw,
        "reactive_kvar": 0.0, "mode": mode, "valid_until_ns": 0, "deadline_s": deadline_s, "heartbeat": tick,
        "reason": "test", "source": "Schedule",
    }  # fmt: skip
    return Command(**given | fields)


@asynccontextmanager
async def bench(
    served: Served, made: Profile | None = None, *, kind: RegisterType = "float64", connect: bool = True, **options: Any
) -> AsyncIterator[Bench]:
    served.variable("request", ua.VariantType.Double, 0.0)
    served.variable("counter", ua.VariantType.UInt32, 0)
    served.refuse("request", None)
    served.written.clear()
    loop = asyncio.get_running_loop()
    proxy = await Proxy("127.0.0.1", served.port, clock=loop.time, pause=asyncio.sleep).start()
    connection = Connection(Access(f"opc.tcp://127.0.0.1:{proxy.port}"), clock=loop.time, jitter=lambda: 0.0)
    device = OpcuaDevice("bess1", made or profile(kind), "ns=2;s=T", connection, loop.time)
    receipts: list[Receipt] = []
    proofs: list[Proof] = []
    writer = OpcuaWriter(device, RATED, receipts.append, proofs.append, pause=0.01, **options)
    jobs = [asyncio.create_task(connection.keep()), asyncio.create_task(writer.run())]
    try:
        if connect:
            await until(lambda: connection.connected)
        yield Bench(served, proxy, connection, writer, receipts, proofs, loop.time)
    finally:
        jobs[1].cancel()
        await connection.close()
        await asyncio.gather(*jobs, return_exceptions=True)
        await proxy.stop()


async def test_a_command_is_written_in_order_and_confirmed_by_what_is_read_back(served: Served) -> None:
    async with bench(served) as b:
        b.offer(80.5, tick=7)
        got = await b.receipt()
        assert (got.status, got.tick, got.written_kw, got.readback_kw) == (WriteStatus.CONFIRMED, 7, 80.5, 80.5)
        assert [(node, variant.Value) for _, node, variant in served.written] == [(POWER, 80.5), (BEAT, 7)]


CASES: dict[RegisterType, list[tuple[float, Any]]] = {
    "float64": [(80.5, 80.5), (-0.5, -0.5), (0.0, 0.0), (1e9, 250.0), (-1e9, -200.0), (nan, 0.0), (inf, 0.0)],
    "float32": [(80.5, 80.5), (0.1, 0.09999999403953552), (-0.1, -0.09999999403953552), (1e9, 250.0), (nan, 0.0)],
    "int16": [(80.9, 80), (-80.9, -80), (0.4, 0), (1e9, 250), (-1e9, -200), (nan, 0)],
    "int32": [(80.9, 80), (-80.9, -80), (0.4, 0), (1e9, 250), (-inf, 0)],
    "int64": [(80.9, 80), (-80.9, -80), (249.999, 249), (1e9, 250)],
    "uint16": [(80.9, 80), (-80.9, 0), (1e9, 250), (nan, 0)],
    "uint32": [(80.9, 80), (-0.9, 0), (1e9, 250)],
    "uint64": [(80.9, 80), (-5.0, 0), (1e9, 250)],
}


@pytest.mark.parametrize(
    ("kind", "asked", "expected"), [(kind, *case) for kind, cases in CASES.items() for case in cases]
)
async def test_every_type_is_written_as_itself_toward_zero_and_within_the_rating(
    kind: RegisterType, asked: float, expected: Any, served: Served
) -> None:
    """Exactly the declared type arrives; never more than asked, never beyond the rating, 0 for what is no number."""
    name = f"request.{kind}"
    served.variable(name, VARIANT[kind], expected if kind.startswith("float") else 0)
    place = {"node": name, "type": kind, "unit": "kW"}
    base = profile()
    made = profile(
        read={"soc": base.read["soc"].model_dump(by_alias=True), "setpoint": place},
        write={"power": place, "heartbeat": {"node": "counter", "type": "uint32"}},
    )
    async with bench(served, made) as b:
        b.offer(asked)
        got = await b.receipt()
        assert got.status == WriteStatus.CONFIRMED
        ((_, node, variant), _beat) = served.written
        assert (node, variant.Value, variant.VariantType) == (f"ns=2;s=T.{name}", expected, VARIANT[kind])
        assert abs(got.written_kw) <= 250.0


REFUSALS = {
    "out of range": ua.StatusCodes.BadOutOfRange, "not writable": ua.StatusCodes.BadNotWritable,
    "no access": ua.StatusCodes.BadUserAccessDenied, "not supported": ua.StatusCodes.BadWriteNotSupported,
    "local": ua.StatusCodes.BadInvalidState, "busy": ua.StatusCodes.BadResourceUnavailable,
    "device failure": ua.StatusCodes.BadDeviceFailure, "not connected": ua.StatusCodes.BadNotConnected,
}  # fmt: skip


@pytest.mark.safety
@pytest.mark.parametrize("why", REFUSALS)
async def test_behind_a_refused_set_point_no_heartbeat_is_written(why: str, served: Served) -> None:
    """A heartbeat behind a refused set-point would keep the device from reverting."""
    async with bench(served) as b:
        served.refuse("request", REFUSALS[why])
        b.offer(80.0)
        got = await b.receipt()
        assert got.status == WriteStatus.REFUSED
        assert "status Bad" in got.detail
        assert b.arrived(BEAT) == []
        assert b.connection.connected
        served.refuse("request", None)
        b.offer(70.0, tick=2)
        assert (await b.receipt(2)).status == WriteStatus.CONFIRMED


async def test_what_is_read_only_or_of_another_type_is_refused_by_name(served: Served) -> None:
    served.variable("fixed", ua.VariantType.Double, 1.0, writable=False)
    served.variable("whole", ua.VariantType.Int32, 1)
    for node, said in (("fixed", "BadUserAccessDenied"), ("whole", "BadTypeMismatch"), ("none", "BadUserAccessDenied")):
        write = {"power": {"node": node, "type": "float64", "unit": "kW"}}
        async with bench(served, profile(write=write, watchdog=None)) as b:
            b.offer(5.0)
            got = await b.receipt()
            assert (got.status, said in got.detail, "power" in got.detail) == (WriteStatus.REFUSED, True, True)


async def test_another_set_point_than_written_is_said(served: Served) -> None:
    served.variable("held", ua.VariantType.Double, 12.0)
    held = {"soc": {"node": "soc", "unit": "%"}, "setpoint": {"node": "held", "unit": "kW"}}
    async with bench(served, profile(read=held)) as b:
        b.offer(80.0)
        got = await b.receipt()
        assert (got.status, got.written_kw, got.readback_kw) == (WriteStatus.DIFFERENT, 80.0, 12.0)
        served.put("held", ua.DataValue(None, ua.StatusCode(ua.UInt32(0x808C_0000))))
        b.offer(80.0, tick=2)
        got = await b.receipt(2)
        assert (got.status, isnan(got.readback_kw)) == (WriteStatus.WRITTEN, True)


async def test_the_newest_command_goes_and_a_silent_asset_writes_nothing(served: Served) -> None:
    async with bench(served, budget=WriteBudget(per_second=4)) as b:
        b.offer(10.0, tick=1)
        await b.receipt()
        for tick in range(2, 9):
            b.offer(10.0 + tick, tick=tick)
        await b.receipt(2)
        assert b.arrived() == [10.0, 18.0]
        b.offer(30.0, tick=9)
        b.writer.silence()
        await b.writer.conflating.settled()
        assert b.arrived() == [10.0, 18.0]


async def test_a_command_whose_time_is_over_is_not_sent(served: Served) -> None:
    async with bench(served) as b:
        b.offer(80.0, valid_s=-0.001)
        got = await b.receipt()
        assert (got.status, served.written) == (WriteStatus.EXPIRED, [])


@pytest.mark.safety
async def test_bytes_leave_in_the_call_that_asked_whether_they_may(served: Served) -> None:
    """Nothing is awaited between the question and the socket: no stop can come in between."""
    async with bench(served) as b:
        order: list[str] = []
        session = b.connection.session
        assert session is not None
        assert session._guard is not None
        transport: Any = session._guard.transport
        real = transport.write

        def write(octets: bytes) -> None:
            order.append("sent")
            real(octets)

        transport.write = write

        def allowed() -> bool:
            order.append("asked")
            return True

        asked = session.write(session.node(POWER), "float64", 5.0, allowed=allowed)
        asked.send(None)
        assert order == ["asked", "sent"]
        transport.write = real
        asked.close()


def refuse(b: Bench) -> None:
    b.proxy.shut = True
    b.proxy.cut()


LINE: dict[str, Callable[[Bench], None]] = {
    "black hole": lambda b: setattr(b.proxy, "hole", True),
    "half open": lambda b: setattr(b.proxy, "half", True),
    "deaf": lambda b: b.proxy.stop_listening(),
    "cut": lambda b: b.proxy.cut(),
    "refused": refuse,
    "server restarted": lambda b: b.served.cut(),
}


@pytest.mark.safety
@pytest.mark.hazard("row 3", "row 10", "row 14")
@pytest.mark.req("LH-PROT-004")
@pytest.mark.parametrize("fault", LINE)
async def test_no_stale_command_reaches_the_server_whatever_the_line_does(fault: str, served: Served) -> None:
    """Each power says its own number (in quarters); none arrives after its deadline, and none out of order."""
    async with bench(served) as b:
        deadlines: dict[float, float] = {}

        async def go_on(first: int, last: int) -> None:
            for tick in range(first, last):
                deadlines[tick / 4] = time.monotonic() + 0.3
                b.offer(tick / 4, tick=tick, valid_s=0.3)
                await asyncio.sleep(0.05)

        def confirmed(least: int) -> bool:
            return any(one.status == WriteStatus.CONFIRMED and one.tick >= least for one in b.receipts)

        async def until_confirmed(first: int) -> int:
            for tick in range(first, 800):
                await go_on(tick, tick + 1)
                if confirmed(first):
                    return tick + 1
            pytest.fail("it never came back")

        hurt = await until_confirmed(1)
        LINE[fault](b)
        await go_on(hurt, hurt + 20)
        assert fault == "cut" or not confirmed(hurt + 10)
        b.proxy.heal()
        if fault == "server restarted":
            served.listen()
        healed = hurt + 20
        await until_confirmed(healed)
        came = [(at, variant.Value) for at, node, variant in served.written if node == POWER]
        values = [value for _, value in came]
        assert values == sorted(set(values)), "none twice, none out of order"
        late = [(value, at - deadlines[value]) for at, value in came if at > deadlines[value] + SEEN_S]
        assert late == []
        assert max(values) >= healed / 4


async def test_0_kw_ends_it_and_is_confirmed_also_over_a_lost_connection(served: Served) -> None:
    async with bench(served) as b:
        assert await b.writer.stop(1.0), "never wrote: nothing to stop"
    async with bench(served) as b:
        b.offer(80.0)
        await b.receipt()
        b.proxy.cut()
        assert await b.writer.stop(3.0)
        assert b.arrived()[-1] == 0.0
        assert b.writer.closed is not None
        b.offer(90.0, tick=2)
        assert b.arrived()[-1] == 0.0


async def test_a_server_that_is_gone_leaves_the_end_unconfirmed_in_time(served: Served) -> None:
    async with bench(served) as b:
        b.offer(80.0)
        await b.receipt()
        b.proxy.hole = True
        assert not await b.writer.stop(1.2)


@pytest.mark.safety
@pytest.mark.hazard("S20")
async def test_nothing_is_written_before_the_device_is_known_in_this_connection(served: Served) -> None:
    """Reliability S20: identity in every connection; another device, or one that says nothing, is never written to."""
    served.variable("serial", ua.VariantType.String, "B-2")
    served.put("serial", ua.DataValue(ua.Variant("B-2", ua.VariantType.String)))
    async with bench(served, identity=Identity(serial="A-1")) as b:
        b.offer(80.0)
        assert (await b.receipt()).status == WriteStatus.WITHHELD
        assert served.written == []
        assert b.writer.proving.proved & Proved.FOREIGN
        served.put("serial", ua.DataValue(None, ua.StatusCode(ua.UInt32(0x808C_0000))))
        b.offer(80.0, tick=2)
        assert (await b.receipt(2)).status == WriteStatus.WITHHELD
        served.put("serial", ua.DataValue(ua.Variant("A-1", ua.VariantType.String)))
        b.offer(80.0, tick=3)
        assert (await b.receipt(3)).status == WriteStatus.CONFIRMED
        served.put("serial", ua.DataValue(ua.Variant("B-2", ua.VariantType.String)))
        b.proxy.cut()
        await until(lambda: bool(b.proofs[-1].proved & Proved.FOREIGN))
        b.offer(80.0, tick=4)
        await until(lambda: b.receipts[-1].status == WriteStatus.WITHHELD)


@pytest.mark.safety
@pytest.mark.hazard("row 3", "S2")
async def test_nothing_but_the_declared_nodes_is_ever_written(served: Served) -> None:
    """By the server's own log, through commands, a refusal, a line that is cut, and the end."""
    async with bench(served) as b:
        for tick in range(1, 20):
            b.offer(float(tick), tick=tick)
            await b.receipt(tick)
        served.refuse("request", ua.StatusCodes.BadOutOfRange)
        b.offer(20.0, tick=20)
        assert (await b.receipt(20)).status == WriteStatus.REFUSED
        served.refuse("request", None)
        connects = b.connection.connects
        b.proxy.cut()
        await until(lambda: b.connection.connects > connects and b.connection.connected)
        b.offer(21.0, tick=21)
        await b.receipt(21)
        assert await b.writer.stop(3.0)
        assert b.arrived()[-1] == 0.0
        assert {node for _, node, _ in served.written} == {POWER, BEAT}


@pytest.mark.safety
async def test_a_connection_that_only_reads_writes_nothing(served: Served) -> None:
    async with bench(served) as b:
        b.connection.only_read()
        b.offer(80.0)
        got = await b.receipt()
        assert (got.status, "only reads" in got.detail, served.written) == (WriteStatus.WITHHELD, True, [])
