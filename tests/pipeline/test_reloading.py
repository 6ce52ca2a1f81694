"""Exports reload while ticks go on: what differs is swapped, what is wrong is refused, and nothing else is touched."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from config.definition import Definition
from pipeline.check import Checked, check
from pipeline.options import Options
from pipeline.process import Process
from pipeline.reloading import Reloading, beyond_exports, differing
from pipeline.tasks import Tasks
from sources.tick import Tick
from tests.config.marked import PLANT
from tests.pipeline.test_check import checked
from tests.pipeline.test_rules import OPC, STATE
from tests.real.collector import Collector
from tests.real.connection import logged
from tests.real.mosquitto import Mosquitto, certificates, free_port, mosquitto
from tests.real.observer import Observer
from tests.real.until import until
from tests.rig import START_NS

__all__ = ["logged", "mosquitto"]
pytestmark = pytest.mark.req("LH-CONF-004")


def push(url: str, more: str = "") -> str:
    return f'  cloud: {{ type: http, url: "{url}", every: 0.05 s, publish: []{more} }}\n'


@dataclass
class Running:
    """A process whose outputs run; its devices are away, which is no matter here."""

    process: Process
    tasks: Tasks
    reloading: Reloading
    path: Path
    secrets: Path
    ticks: int = 0
    frames: list[int] = field(default_factory=list)

    def tick(self) -> None:
        self.process.tick(Tick(self.ticks, 100.0 + self.ticks, START_NS + self.ticks * 10**9, 1.0))
        self.ticks += 1

    async def reload(self, text: str) -> bool:
        """As SIGHUP does, with ticks all the while."""
        self.path.write_text(text, encoding="utf-8")
        asked = asyncio.ensure_future(self.reloading.reload())
        while not asked.done():
            self.tick()
            await asyncio.sleep(0)
        return asked.result()

    async def pushed(self, server: Collector, *names: str) -> None:
        """Until another document comes there, with these in it; what waited before a reload comes first."""
        count = len(server.posted)

        def come() -> bool:
            self.tick()
            return any(set(names) <= posted.document.keys() for posted in server.posted[count:])

        await until(come)


@asynccontextmanager
async def running(tmp_path: Path, text: str) -> AsyncIterator[Running]:
    for name in ("mqtt_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(f"{name}-0123456789", encoding="utf-8")
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")

    def again() -> Checked:
        return check(path, environment={}, secrets_dir=tmp_path)

    found = again()
    assert found.definition is not None, found.diagnostics
    process = Process(found.definition, found.profiles, Options(state_dir=tmp_path / "state"))
    tasks = Tasks(process.clock)
    for name, output in {**process.states, **process.scada}.items():
        tasks.start(f"outputs.{name}", output.run)
    for key in process.field.brokers:
        if ".outputs." in key:
            tasks.start(f"connections.{key}", process.field.jobs[f"connections.{key}"])
    process.subscribe()
    made = Running(process, tasks, Reloading(process, tasks, again, asyncio.Event()), path, tmp_path)
    process.finished.append(lambda: made.frames.append(process.view.frame.tick if process.view.frame else -1))
    try:
        yield made
        assert made.frames == list(range(made.ticks)), "every tick made its frame"
        assert process.failures == {}
    finally:
        tasks.closing()
        for state in process.states.values():
            await state.close()
        for broker in process.field.brokers.values():
            await broker.close()
        await tasks.cancel()
        await process.journal.close()


@pytest.mark.integration
async def test_target_points_and_interval_of_a_push_change_without_a_gap_in_control(tmp_path: Path) -> None:
    with Collector() as first, Collector() as second:
        plant = PLANT.replace(STATE, push(first.url))
        async with running(tmp_path, plant) as run:
            await run.pushed(first)
            assert "points" not in first.posted[-1].document
            assert await run.reload(PLANT.replace(STATE, push(first.url, ", points: { one.soc: 0.1 s }")))
            await run.pushed(first, "points")
            assert "one.soc" in first.posted[-1].document["points"]
            assert await run.reload(PLANT.replace(STATE, push(second.url)))
            before = len(first.posted)
            await run.pushed(second)
            assert len(first.posted) == before
            assert run.process.components()["outputs.cloud"]["status"] == "ok"
            assert run.process.view.hello()["config"] == run.process.config
        said = {(posted.key, posted.body) for posted in (*first.posted, *second.posted)}
        assert len({key for key, _ in said}) == len(said), "no name is given to two documents"


@pytest.mark.integration
async def test_exports_come_and_go_and_what_did_not_change_is_left_alone(tmp_path: Path) -> None:
    port = free_port()
    with Collector() as server:
        cloud = PLANT.replace(STATE, push(server.url))
        scada = f'  scada: {{ type: modbus_server, listen: "127.0.0.1:{port}", every: 0.05 s }}\n'
        async with running(tmp_path, cloud) as run:
            kept = run.process.states["cloud"]
            assert await run.reload(cloud.replace(push(server.url), push(server.url) + scada))
            assert run.process.states["cloud"] is kept
            await until(lambda: run.process.scada["scada"].listening)
            async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
                assert await client.connect()

                def shows() -> bool:
                    run.tick()
                    return getattr(run.process.scada["scada"], "_page", b"") != b""

                await until(shows)
                assert (await client.read_holding_registers(0, count=2)).registers == [0x4245, 0x5353]
            shown = {node["id"] for node in run.process.view.graph()["nodes"]}
            assert {"outputs.cloud", "outputs.scada"} <= shown == {n["id"] for n in run.process.view.nodes()}
            assert await run.reload(cloud)
            assert set(run.process.scada) == set()
            assert "outputs.scada" not in run.process.components()
            with pytest.raises(OSError, match=r"refused|Connect"):
                await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.integration
async def test_a_topic_changes_and_the_old_one_says_that_nobody_is_there(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    named = PLANT.replace(OPC, f'{OPC}  out: {{ url: "{mosquitto.url}" }}\n')
    points = "points: { site.poc.power: 0.1 s }"
    old = named.replace(STATE, f"  state: {{ type: mqtt, to: out, topic: plant/old, every: 0.05 s, {points} }}\n")
    async with Observer(mosquitto.url) as seen, running(tmp_path, old) as run:

        def told(topic: str, word: bytes) -> bool:
            run.tick()
            return any(word in message.payload for message in seen.on(topic))

        await until(lambda: told("plant/old/state", b'"online":true'))
        await until(lambda: told("plant/old/points/site.poc/power", b'"valid":false'))
        assert await run.reload(old.replace("plant/old", "plant/new"))
        await until(lambda: told("plant/new/state", b'"online":true'))
        await until(lambda: told("plant/old/state", b'"online":false'))


@pytest.mark.integration
@pytest.mark.safety
async def test_what_is_wrong_or_more_than_an_export_is_refused_and_the_old_one_goes_on(
    tmp_path: Path, logged: list[str]
) -> None:
    with Collector() as server:
        good = PLANT.replace(STATE, push(server.url))
        async with running(tmp_path, good) as run:
            kept = run.process.states["cloud"]
            assert not await run.reload(good.replace("every: 0.05 s", "every: 5"))
            assert "error[E203]" in run.reloading.refused
            assert any(f"{run.path}:" in line for line in logged), "the place is said"
            assert [c.key for c in run.reloading.conditions(None)] == ["reload.refused"]
            assert not await run.reload(good.replace("import_limit: 300 kW", "import_limit: 900 kW"))
            assert run.reloading.refused == "site differ: that needs a start"
            assert run.process.states["cloud"] is kept
            await run.pushed(server)
            assert await run.reload(good)
            assert list(run.reloading.conditions(None)) == []
            assert run.process.states["cloud"] is kept


async def test_a_certificate_that_was_replaced_under_its_name_is_taken(tmp_path: Path) -> None:
    """Nothing in the definition differs: somebody has rolled the authority over."""
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        certificates(folder)
    authority, renewed = tmp_path / "first" / "ca.crt", tmp_path / "second" / "ca.crt"
    text = PLANT.replace(STATE, push("https://localhost:9/", f", ca: {authority}"))
    async with running(tmp_path, text) as run:
        before = run.process.states["cloud"]
        assert await run.reload(text)
        assert run.process.states["cloud"] is before, "nothing was replaced"
        authority.write_bytes(renewed.read_bytes())
        assert await run.reload(text)
        after = run.process.states["cloud"]
        assert after is not before
        assert await run.reload(text)
        assert run.process.states["cloud"] is after


async def test_an_export_that_cannot_be_made_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, PLANT) as run:
        kept, brokers = run.process.states["state"], dict(run.process.field.brokers)

        def broken(*_: object) -> None:
            raise ValueError("no such thing")

        monkeypatch.setattr("pipeline.reloading.servers", broken)
        assert not await run.reload(PLANT.replace("topic: plant/state", "topic: plant/other"))
        assert run.reloading.refused == "no such thing"
        assert (run.process.states["state"], run.process.field.brokers) == (kept, brokers)



def definition(text: str) -> Definition:
    found = checked(text)
    assert found.definition is not None, found.diagnostics
    return found.definition


def test_what_is_an_exports_own_and_what_is_not() -> None:
    named = PLANT.replace(OPC, f'{OPC}  out: {{ url: "mqtt://10.0.0.7:1883" }}\n')
    own = named.replace("to: broker, topic: plant/state", "to: out, topic: plant/state")
    old = definition(own)
    moved = definition(own.replace("10.0.0.7", "10.0.0.8"))
    assert (beyond_exports(old, moved), differing(old, moved)) == ([], {"state"})
    other = definition(own.replace("mqtt://${HOST:-127.0.0.1}", "mqtt://10.0.0.3"))
    assert beyond_exports(old, other) == ["connections"]
    assert beyond_exports(old, definition(own.replace("max: 90 %", "max: 80 %"))) == ["assets"]
    assert differing(old, old) == set()


SMALL = """\
version: 1
site: { name: plant, timezone: Europe/Berlin, cycle: 1 s, import_limit: 300 kW, export_limit: 250 kW }
defaults: { soc: { min: 10 %, max: 90 % }, ramp: 50 kW/s }
assets:
  one:
    profile: sunspec-storage
    connect: modbus-tcp://127.0.0.1:1/1
    rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }
requests: [idle: 0 kW]
outputs:
  cloud: { type: http, url: "https://127.0.0.1:2/", every: 1 s, publish: [] }
"""


@pytest.mark.integration
async def test_a_hang_up_reloads_a_running_process_and_ends_none_that_is_starting(tmp_path: Path) -> None:
    path, said = tmp_path / "site.yaml", b""
    path.write_text(f"state_dir: {tmp_path / 'state'}\n{SMALL}", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pipeline", "run", str(path), env=os.environ | {"BESS_PIPELINE_PLAIN": "1"},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None

    async def heard(what: bytes) -> None:
        nonlocal said
        async with asyncio.timeout(60.0):
            while what not in said:
                line = await process.stderr.readline()  # type: ignore[union-attr]
                assert line, said.decode()
                said += line

    try:
        await until(lambda: ignores_hang_up(process.pid), 60.0)
        process.send_signal(signal.SIGHUP)
        await heard(b"nothing is written")
        path.write_text(path.read_text(encoding="utf-8").replace("every: 1 s", "every: 2 s"), encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        await heard(b"reload: cloud")
    finally:
        process.terminate()
        await process.communicate()


def ignores_hang_up(pid: int) -> bool:
    """Whether a process ignores SIGHUP, or has a handler for it."""
    masks = [line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines()
             if line.startswith(("SigIgn", "SigCgt"))]  # fmt: skip
    return any(int(mask, 16) & 1 << (signal.SIGHUP - 1) for mask in masks)
