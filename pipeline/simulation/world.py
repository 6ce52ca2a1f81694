"""The world: the production process, from bytes to bytes, and a plant around it, under one virtual clock.

    with World(definition(assets=2), tmp_path, seed=7) as world:
        world.schedule(80.0)
        world.run(20.0)
        world.lies("b1").frozen = True
        world.run(10.0)
        world.verify()                         # every invariant, from the wire

    plant ── Station ══ bytes ══ Line ══ bytes ══ pymodbus client ── Field ── Process: entry, chain, writers, journal

What is swapped is the outermost shell alone: the loop (clock), the network (bytes in memory) and the folder (a store
that outlives the process). Everything random comes from `seed`, one stream per consumer.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pipeline.simulation.battery_checks
import pipeline.simulation.input_checks
import pipeline.simulation.life_checks
import pipeline.simulation.process_checks
import pipeline.simulation.return_checks
import pipeline.simulation.safety_checks
import pipeline.simulation.time_checks  # noqa: F401  # each enters its checks into the table
from config.definition import Definition
from config.profile import Profile
from pipeline import memory
from pipeline import run as running
from pipeline.edges import EdgeFault
from pipeline.options import Options
from pipeline.process import Process
from pipeline.simulation.checks import verify
from pipeline.simulation.day import Trade
from pipeline.simulation.disk import Disk
from pipeline.simulation.line import Line
from pipeline.simulation.loop import VirtualLoop
from pipeline.simulation.net import MemoryNet, stream
from pipeline.simulation.site import BATTERY, meter, storage
from pipeline.simulation.trace import Act, Asked, Boot, Moment, Trace
from pipeline.simulation.use import EVERY_S, looked
from pipeline.tasks import Tasks
from pipeline.watchdog import Watchdog
from simulator.battery import Battery, soc_pct
from simulator.faults import Board, Fault
from simulator.frequency import Frequency
from simulator.grid import Site
from simulator.lies import Lies
from simulator.plant import LONGEST_CALM_S, LONGEST_STEP_S, Model, Plant
from simulator.station import Station
from sinks.web.ports import ActRefusedError, JournalError
from sources.act import ActKind, OperatorAct
from sources.modbus.connection import Connection
from sources.modbus.device import Link
from sources.schedule import Schedule, ScheduleType, Window

DAY_AHEAD = str(ScheduleType.DAY_AHEAD)
TOUCH_S = 0.005  # what is asked so shortly after one another sees the same plant
EPOCH_NS = 1_790_000_000_000_000_000  # the instant at loop time 0


class MeterPlant(Plant):
    """What the meter at the point of connection measures: all batteries, and what else hangs there."""

    def __init__(self, model: Model, board: Board, batteries: dict[str, Plant]) -> None:
        super().__init__(model, board, 50.0, 0.0)
        self.batteries, self.other_kw = batteries, 0.0

    def advance(self, dt: float) -> None:
        self.effects = self.board.effects(self.state.uptime_s)
        self.state = self.state._replace(utc_s=self.state.utc_s + dt, uptime_s=self.state.uptime_s + dt)

    def metered(self) -> dict[str, float | None]:
        power = sum([plant.state.battery.power_kw for plant in self.batteries.values()])
        hz = self.model.frequency.at(self.state.uptime_s)
        return {"power": power + self.other_kw, "frequency": hz, "heartbeat": float(self.heartbeat)}


@dataclass
class Shell:
    """One life of the process. Its watchdog has no thread: what stops its ticks looks whether it is starved."""

    process: Process
    tasks: Tasks
    watchdog: Watchdog
    errors: list[str] = field(default_factory=list)


class World:
    """Runs one seed. `trace` is everything that went over the wire and what the devices did. `parts` are what some
    faults need; `booted` is called with every new process.
    """

    parts: frozenset[str] = frozenset({"registers"})

    def __init__(self, site: Definition, folder: Path, *, seed: int = 0, soc_pct: float = 50.0, armed: bool = True,
                 profile: Profile | None = None, battery: Battery | None = None, poll_s: float | None = None,
                 link: Link = Connection, frequency: Frequency | None = None) -> None:  # fmt: skip
        self.site, self.folder, self.seed, self.armed = site, folder, seed, armed
        self.cycle = site.site.cycle
        self.link = link
        poll_s = poll_s or min(1.0, self.cycle)
        self.net = MemoryNet(seed)
        self.loop = VirtualLoop(self.net)
        self.rng = stream(seed, "world")
        folder.mkdir(parents=True, exist_ok=True)
        self.disk = Disk(folder, stream(seed, "disk"))
        self.wall_offset_ns, self.wall_ppm = 0, 0.0
        self._asking: set[asyncio.Task[None]] = set()  # acts that wait for the disk
        self.lapsed_ns = self.late_ns = 0  # its clocks stood for so long; its wall clock does not know yet
        self.faults: tuple[EdgeFault, ...] = ()  # on the edges of its graph; set before the first start
        profiles = {name: profile or storage(poll_s) for name in site.assets}
        steady = Frequency(array("d", [50.0]), "steady")
        model = Model(battery or BATTERY, Site(load_kw=0.0, pv_kw=0.0), frequency or steady)
        self.hosts: dict[str, tuple[str, int]] = {}  # at which address a device is reached, where it is not its own
        self.plants = {name: Plant(model, Board(), soc_pct, 0.0) for name in site.assets}
        self.poc = MeterPlant(model, Board(), self.plants)
        self.stations = {name: self._station(name, profiles[name], plant) for name, plant in self.plants.items()}
        if "poc" in site.site.meters:
            profiles["site.poc"] = meter(poll_s)
            self.stations["poc"] = self._station("poc", profiles["site.poc"], self.poc)
        self.profiles = profiles
        self._moved_s = self.loop.time()
        self.trace = Trace(site, {name: profiles[name] for name in site.assets}, self.stations, seed)
        self.trace.hasty = self.net.hasty
        self.booted: list[Callable[[Process], None]] = []
        self.shell: Shell | None = None
        self._planned: dict[str | None, int] = {}  # windows of the newest schedule
        self._missed = 0  # by the processes that have ended
        self._look_s = 0.0  # when what the process uses is looked at next
        self.disk.blocked = self._blocked

    def _station(self, name: str, profile: Profile, plant: Plant) -> Station:
        station = Station(profile, plant, self.loop.time, self.advance)
        station.lies.rng = stream(self.seed, f"lies {name}")
        self.net.plug(name, 502, station)
        return station

    def __enter__(self) -> Self:
        self.disk.plug()
        self.boot()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.shell is not None:
            self.kill()
        self.disk.unplug()
        self.loop.close()

    def _blocked(self) -> None:
        """Somebody waits for the disk in the loop itself, and everything else with them. A start may."""
        if self.shell is not None and not self.loop.threaded:
            self.loop.now_s += self.loop.disk_s

    # --- time ---------------------------------------------------------------------------------------------------------

    def true_ns(self) -> int:
        """What a right clock shows."""
        return EPOCH_NS + self.lapsed_ns + round(self.loop.time() * 1e9)

    def utc_ns(self) -> int:
        known_ns = self.lapsed_ns - self.late_ns + round(self.loop.time() * (1e9 + 1e3 * self.wall_ppm))
        return EPOCH_NS + self.wall_offset_ns + known_ns

    def advance(self) -> None:
        """Bring the plant to the present: in steps of at most 100 ms while power moves, else of a second.

        Every step leaves a moment of what the devices truly do. Nothing moves that nobody asks for.
        """
        while (left := self.loop.now_s - self._moved_s) > TOUCH_S:
            calm_s = min([plant.calm_s() for plant in self.plants.values()])
            dt = min(left, max(LONGEST_STEP_S, min(calm_s, LONGEST_CALM_S)))
            for plant in self.plants.values():
                plant.advance(dt)
            self.poc.advance(dt)
            self._moved_s += dt
            self.trace.moments.append(self._moment())

    def lapse(self, seconds: float) -> None:
        """The devices live on, and the machine's clocks stand: it was paused, and every time here is of its clock."""
        self.advance()
        self.trace.healthy = False
        for _ in range(steps := max(1, round(seconds / LONGEST_STEP_S))):
            for plant in (*self.plants.values(), self.poc):
                plant.advance(seconds / steps)
        self.lapsed_ns += round(seconds * 1e9)
        self.late_ns += round(seconds * 1e9)

    def _moment(self) -> Moment:
        power = {name: plant.state.battery.power_kw for name, plant in self.plants.items()}
        soc = {name: soc_pct(plant.model.battery, plant.state.battery) for name, plant in self.plants.items()}
        for name, plant in self.plants.items():
            battery, known = plant.state.battery, self.trace.limits.setdefault(name, [])
            if not known or known[-1][1:] != (battery.charge_limit_kw, battery.discharge_limit_kw):
                known.append((self._moved_s, battery.charge_limit_kw, battery.discharge_limit_kw))
        return Moment(self._moved_s, power, soc, self.poc.other_kw)

    def run(self, seconds: float) -> Self:
        with memory.seldom():
            self.loop.pass_time(seconds)
        self.advance()
        self.trace.missed = self._missed + (self.shell.process.ticker.missed if self.shell is not None else 0)
        return self

    # --- the process --------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """A new process on the same folder."""

        async def build() -> Shell:
            jitter = stream(self.seed, f"jitter {len(self.trace.boots)}")
            options = Options(
                self.armed, self.folder, utc_ns=self.utc_ns, jitter=jitter.random, link=self.link, faults=self.faults
            )
            process = Process(self.site, self.profiles, options)
            tasks = Tasks(process.clock)
            for act in process.journal.standing(process.compiled.layout.assets):
                process.post(act)
            running.start_tasks(process, tasks)
            process.subscribe()
            watchdog = running.watched(process, lambda _code: None, self.loop.time)
            process.finished.append(lambda: self._ticked(process, tasks))
            watchdog.feed()
            process.ticker.start()
            return Shell(process, tasks, watchdog)

        self._look_s = self.loop.time() + EVERY_S / 2
        journal = self.folder / "journal.jsonl"
        kept = journal.read_text(encoding="utf-8", errors="replace") if journal.exists() else ""
        self.trace.boots.append(Boot(self.loop.time(), kept=kept))
        self.shell = self.loop.run_until_complete(build())
        for look in self.booted:
            look(self.shell.process)
        if self.trace.asked:
            self._post_schedule()

    def _ticked(self, process: Process, tasks: Tasks) -> None:
        """Note that a tick is complete, and now and then what the process uses."""
        now, trace = self.loop.time(), self.trace
        trace.ticks.append(now)
        trace.shown_ns.append(self.utc_ns() - EPOCH_NS)
        if now >= self._look_s:
            self._look_s = now + EVERY_S
            guests = len(self._asking) + sum(watcher.ended_s == inf for watcher in trace.watchers)
            trace.used.append(looked(self.loop, process, tasks, len(trace.boots) - 1, guests))

    @property
    def process(self) -> Process:
        if self.shell is None:
            raise RuntimeError("no process runs")
        return self.shell.process

    def kill(self) -> None:
        """SIGKILL: nothing of the process is heard any more; what it had on disk stays."""
        shell, self.shell = self.shell, None
        if shell is None:
            return
        self.trace.boots[-1].ended_s = self.loop.time()  # what follows clears up after it, on a disk that may be slow
        self.net.disconnect_all()
        self.trace.healthy = False
        shell.process.ticker.stop()
        self.loop.forget_threads()
        for task in asyncio.all_tasks(self.loop):  # none of them takes another step
            task.cancel()
        self._missed += shell.process.ticker.missed
        self.loop.run_until_complete(self._bury(shell))
        for task in asyncio.all_tasks(self.loop):  # begun by what was cancelled: nobody waits for it
            task._log_destroy_pending = False  # type: ignore[attr-defined]

    async def _bury(self, shell: Shell) -> None:
        shell.tasks.closing()
        await shell.tasks.cancel()
        await shell.process.journal.close()
        for recorder in shell.process.recorders.values():
            recorder.store.abandon()

    def terminate(self) -> bool:
        """SIGTERM: true when 0 kW is confirmed everywhere."""
        self.process.ticker.stop()
        boot = self.trace.boots[-1]
        boot.terminated_s = self.loop.time()
        boot.confirmed = self.loop.run_until_complete(running.zero(self.process))
        self.kill()
        return boot.confirmed

    def verify(self, *only: str, without: Iterable[str] = ()) -> None:
        """Every invariant holds, or an AssertionError that names seed, time and what was on the wire."""
        breaches = verify(self.trace, only or None, without)
        said = "\n".join(str(breach) for breach in breaches[:20])
        if breaches:
            raise AssertionError(f"seed {self.seed}, {len(breaches)} breaches:\n{said}")

    # --- people, markets and what else acts ---------------------------------------------------------------------------

    def schedule(self, power_kw: float, *, asset: str | None = None, seconds: float = 86_400.0) -> None:
        """A day-ahead schedule of one window from now on; it is handed in anew after a restart, as its source would."""
        now = self.loop.time()
        mine = [a.asset == asset and a.market == DAY_AHEAD for a in self.trace.asked]
        book = zip(self.trace.asked, mine, strict=True)
        superseded = [replace(a, until_s=min(now, a.until_s)) if own else a for a, own in book]
        self.trace.asked[:] = [*superseded, Asked(now, now + seconds, power_kw, asset)]
        self._planned[asset] = 1
        if self.shell is not None:
            self._post_schedule()

    def plan(self, trades: Iterable[Trade], *, asset: str | None = None) -> None:
        """A day-ahead schedule of many windows, in s from now on; in between nothing is asked."""
        now = self.loop.time()
        planned = [Asked(now + start, now + end, power_kw, asset) for start, end, power_kw in trades]
        self.schedule(planned[0].power_kw, asset=asset, seconds=planned[0].until_s - now)
        self.trace.asked[-1:] = planned
        self._planned[asset] = len(planned)
        if self.shell is not None:
            self._post_schedule()

    def _post_schedule(self) -> None:
        book = [asked for asked in self.trace.asked if asked.market == DAY_AHEAD]
        for asset in {asked.asset: None for asked in book}:
            newest = [asked for asked in book if asked.asset == asset][-self._planned.get(asset, 1) :]
            windows = tuple(Window(self._at_ns(a.from_s), self._at_ns(a.until_s), a.power_kw) for a in newest)
            version = len(self.trace.asked)
            issued_ns = min(window.start_ns for window in windows)
            said = Schedule(ScheduleType.DAY_AHEAD, asset, "DE-LU", version, issued_ns, windows, f"digest {version}")
            self.process.post(said)

    def _at_ns(self, at_s: float) -> int:
        return EPOCH_NS + round(at_s * 1e9)

    def act(self, kind: ActKind, asset: str | None = None) -> None:
        """An operator's act through the door: journalled, then handed to the next tick."""
        said = OperatorAct(f"act {len(self.trace.acts)}", kind, asset, "olga", "engineer", "test", self.utc_ns())
        act = Act(self.loop.time(), kind, asset)
        if kind is ActKind.STOP:
            self.trace.acts.append(act)  # it stands from the moment in which it was said
        asks = self.loop.create_task(self.process.door.act(said))
        self._asking.add(asks)
        asks.add_done_callback(self._asking.discard)
        asks.add_done_callback(lambda task: self._acted(task, act, said))

    def _acted(self, task: asyncio.Task[None], act: Act, said: OperatorAct) -> None:
        """What the door refused was not done; what is not on the disk is not acknowledged."""
        if not task.cancelled() and task.exception() is None:
            self.trace.acknowledged.append((self.loop.time(), said.id))
        if not task.cancelled() and task.exception() is None and act.kind is not ActKind.STOP:
            self.trace.acts.append(act)
        elif not task.cancelled() and not isinstance(task.exception(), ActRefusedError | JournalError | None):
            task.result()

    def line(self, name: str) -> Line:
        """The way to a device, to be spoiled."""
        self.trace.healthy = False
        return self.net.lines[self.hosts.get(name, (name, 502))]

    def lies(self, name: str) -> Lies:
        """What is wrong with a device, to be changed."""
        self.trace.healthy = False
        return self.stations[name].lies

    def fault(self, name: str, fault: Fault, seconds: float | None = None, limit_kw: float | None = None) -> None:
        """One of the simulator's faults on a device, now."""
        self.advance()
        self.trace.healthy = False
        plant = self.poc if name == "poc" else self.plants[name]
        plant.board.switch(fault, True, plant.state.uptime_s, seconds, limit_kw)

    def heal(self, name: str, fault: Fault) -> None:
        self.advance()
        plant = self.poc if name == "poc" else self.plants[name]
        plant.board.switch(fault, False, plant.state.uptime_s)

    def frame(self) -> Any:
        """The newest frame, for messages of a failing test only: no invariant looks at it."""
        return self.process.view.frame
