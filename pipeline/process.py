"""One running process: everything built from a checked definition and wired together, not yet started.

    field ─► entry ─► chain ─► sealed frame ─┬─► writers
                                             ├─► history, state, checkpoint, alarms, log
                                             └─► view ─► page, REST, websocket

The order of building is the order of dependence; the order of starting and stopping is in `pipeline.run`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from reactivex import operators as ops

from config.definition import Definition, PostgresOutput
from config.profile import Profile
from jit.build import compiled as compile_state
from jit.codes import Authority, Quality
from jit.frame import Frame
from jit.rows import AUTHORITY
from operators.stage import Stage
from pipeline import edges
from pipeline import graph as graphs
from pipeline.alarming import ProcessWatch
from pipeline.annunciator import Annunciator
from pipeline.buffers import read_buffers
from pipeline.chain import Entry, stages
from pipeline.chronicle import Chronicle
from pipeline.compile import Compiled, compile_definition, ends
from pipeline.door import SiteDoor
from pipeline.field import Field, secret
from pipeline.joint import ceiling_name
from pipeline.nodes import Meters
from pipeline.northbound import Published, conditions, read_pushes, servers, states
from pipeline.options import Options
from pipeline.recordings import read_recordings, recorders
from pipeline.ticker import Ticker
from pipeline.view import SiteView
from pipeline.wall_clock import WallClock
from sinks.alarms.condition import Condition
from sinks.checkpoint import Checkpoint, remembered
from sinks.foreign import ForeignSink
from sinks.history import History
from sinks.journal import Journal, JournalFileError
from sinks.metrics import Metrics
from sinks.postgres.connection import Database
from sinks.tracing import TICK, WRITE
from sources.ceiling import Ceiling
from sources.reading import Reading
from sources.receipt import Receipt
from sources.schedule import Schedule, Withdrawal
from sources.tick import Tick

VERSION = "0.1.0"
_PROTOCOL, _ARMED = int(Quality.PROTOCOL), int(Authority.ARMED)


def chain_graph(compiled: Compiled, chain: tuple[Stage, ...]) -> graphs.Graph:
    """The checked graph of a compiled definition. Raises `GraphError`: a defect of the program, not of the file."""
    places = ends(compiled.definition)
    graph = graphs.build(compiled.layout, places.sources, chain, places.writers, places.outputs)
    graphs.check(graph, compiled.layout)
    return graph


def fingerprint(definition: Definition) -> str:
    """What a definition is told apart by."""
    return sha256(definition.model_dump_json().encode()).hexdigest()[:12]


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise JournalFileError(f"cannot make the state directory {directory}: {error.strerror}") from error


class Process:
    """Built in the loop that will run it. `directory` is the state directory, created when missing."""

    def __init__(self, definition: Definition, profiles: Mapping[str, Profile], options: Options) -> None:
        self.definition, self.options = definition, options
        self.loop = asyncio.get_running_loop()
        self.clock: Callable[[], float] = self.loop.time
        self._built_s = self.clock()
        self.directory = options.state_dir or Path(definition.state_dir)
        _make(self.directory)
        self.boot_id = secrets.token_hex(8)
        self.compiled: Compiled = compile_definition(definition, profiles)
        self.config = fingerprint(definition)
        self.failures: dict[str, int] = {}
        self.journal = Journal(self.directory / "journal.jsonl", self.boot_id)
        self.journal.boot(options.utc_ns(), VERSION, self.config)
        self.checkpoint = Checkpoint(self.directory / "checkpoint.frame", self.compiled.layout)
        self.entry = Entry(
            self.compiled,
            armed=options.armed,
            dropped=self._dropped,
            failed=self.failed,
            past=remembered(self.directory / "checkpoint.frame", self.compiled.layout, self.journal, options.utc_ns()),
            edges=edges.in_loop(options.faults, self.compiled.layout, self.loop),
        )
        self.field = Field.of(
            self.compiled, self.clock, self.post, armed=options.armed, jitter=options.jitter,
            directory=self.directory, utc_ns=options.utc_ns, link=options.link,
        )  # fmt: skip
        self.stages: tuple[Stage, ...] = stages(self.compiled, self.clock, self.failed)
        self.histories = self._histories()
        self.recorders = recorders(definition, self.compiled, self.directory, version=VERSION, boot=self.boot_id)
        self.entry.snapshot.witnesses = tuple(self.recorders.values())
        self.states = states(definition, self.field, options, self.directory, self.boot_id)
        self.scada = servers(definition, lambda: self.view)
        self.alarms = Annunciator(self.compiled, self.directory, self.histories)
        self.chronicle = Chronicle()
        self.metrics = Metrics(self.compiled.layout.assets, VERSION)
        read_buffers(self.metrics, self.histories)
        read_recordings(self.metrics, self.recorders)
        read_pushes(self.metrics, self.states)
        self.graph = chain_graph(self.compiled, self.stages)
        self.meters = Meters(tuple(node.id for node in self.graph), self.stages)
        self.ticker = Ticker(definition.site.cycle, options.tracing.wrap(TICK, self.tick), self._clock())
        self.alarms.sources += [self._watch().conditions, self._inserted, partial(conditions, self.states)]
        self.view = self._view()
        book = self.alarms.book
        self.door = SiteDoor(
            self.compiled, self.journal, book, self.post, self._held_version, self.entry.snapshot.issued_s,
            options.utc_ns, self.view.local,
        )  # fmt: skip
        self.finished: list[Callable[[], None]] = [self.door.ticked]
        self._subscribers: dict[str, Callable[[Frame], None]] = {}
        self._saw: dict[type, Callable[[Any], None]] = {
            Reading: self._saw_reading, Receipt: self._saw_receipt, Ceiling: self._saw_ceiling,
            Schedule: self._saw_order, Withdrawal: self._saw_order,
        }  # fmt: skip
        self._began_s = self._sampled_s = 0.0
        self._counted_misses = 0
        self._sealed = -1

    def _clock(self) -> WallClock:
        trust = self.compiled.definition.time
        if trust is None:
            return WallClock(self.options.utc_ns)
        return WallClock(self.options.utc_ns, trust.max_offset, self.options.clock_error_s)

    # --- building -----------------------------------------------------------------------------------------------------

    def _watch(self) -> ProcessWatch:
        return ProcessWatch(
            self.entry.snapshot.offers,
            self.histories,
            self.checkpoint,
            self.alarms.keeper,
            self.ticker,
            self.field.contested,
            self.failures,
            self.field.conditions,
            self.recorders,
        )

    def _inserted(self, frame: Frame) -> Iterator[Condition]:
        return edges.conditions(self.options.faults, frame.layout.assets, self.clock() - self._built_s)

    def _view(self) -> SiteView:
        return SiteView(
            self.compiled,
            self.graph,
            self.meters,
            self.alarms.book,
            self.journal,
            self.entry.snapshot.offers,
            self.clock,
            VERSION,
            self.config,
            self.components,
            {
                "anonymous": bool(self.definition.endpoint and self.definition.endpoint.anonymous_viewer),
                "demo": False,
                **self.options.shown,
            },
            tuple(str(recorder.store.folder) for recorder in self.recorders.values()),
            texts=self.field.texts,
            age_of=self.entry.snapshot.age_of,
        )

    def _histories(self) -> dict[str, History]:
        made: dict[str, History] = {}
        for name, output in self.definition.outputs.items():
            if isinstance(output, PostgresOutput):
                connection = self.definition.connections[output.to]
                database = Database(connection.url, connection.user, secret(connection), connection.ca)
                folder = self.directory / name
                folder.mkdir(exist_ok=True)
                sources = {asset: self.compiled.profiles[asset].protocol for asset in self.definition.assets}
                made[name] = History(
                    database=database,
                    site=self.definition.site.name,
                    sources=sources,
                    directory=folder,
                    boot_id=self.boot_id,
                    cycle_s=self.definition.site.cycle,
                    buffer_s=output.buffer,
                    keep_s={str(table): seconds for table, seconds in output.retention.items()},
                    clock=self.clock,
                    publish=output.publish,
                )
        return made

    def subscribe(self) -> None:
        """Fold the graph: from here on a tick computes, and an armed one writes."""
        subscribers = {f"{asset}.writer": self.field.write(asset) for asset in self.field.writers}
        subscribers |= {f"outputs.{name}": history.offer for name, history in self.histories.items()}
        subscribers |= {f"outputs.{name}": recorder.offer for name, recorder in self.recorders.items()}
        subscribers |= {"alarms": self.alarms.offer}
        self._subscribers |= {name: self._metered(name, subscriber) for name, subscriber in subscribers.items()}
        for name in (*self.states, *self.scada):
            self.export(name)
        self._subscribers["endpoint"] = self._publish
        frames = self.entry.frames.pipe(ops.do_action(self._sampled))
        graphs.fold(frames, self.graph, self._remember, self._subscribers, self.failed)

    def export(self, name: str) -> None:
        """Hand every sealed frame from now on to this one of `states` and `scada`, too."""
        offer = self._state_of(self.states[name]) if name in self.states else self.scada[name].offer
        self._subscribers[f"outputs.{name}"] = self._metered(f"outputs.{name}", offer)

    def leave(self, name: str) -> None:
        """Hand nothing more to an export."""
        self._subscribers.pop(f"outputs.{name}", None)

    def redraw(self, definition: Definition) -> None:
        """Show what a definition with other exports is; the chain stays the one that runs."""
        self.definition = definition
        self.config = self.view.config = fingerprint(definition)
        self.graph = self.view.chain = chain_graph(replace(self.compiled, definition=definition), self.stages)
        self.meters.renew(tuple(node.id for node in self.graph))

    def _sampled(self, _frame: Frame) -> None:
        self._sampled_s = self.clock()

    def _metered(self, name: str, subscriber: Callable[[Frame], None]) -> Callable[[Frame], None]:
        """The subscriber, seen by its node's meter; a writer that is silent is not seen."""
        column = self.compiled.layout.column[name.removesuffix(".writer")] if name.endswith(".writer") else None

        def metered(frame: Frame) -> None:
            subscriber(frame)
            if column is None or frame.codes.item(AUTHORITY, column) == _ARMED:
                self.meters.saw(name, self.clock(), frame.tick)

        return metered

    # --- what happens in a tick ---------------------------------------------------------------------------------------

    def post(self, signal: Any) -> None:
        """A signal from outside, handed to the graph between two ticks; never inside one."""
        self.loop.call_soon(self._signal, signal)

    def _signal(self, signal: Any) -> None:
        self.entry.signals.on_next(signal)
        saw = self._saw.get(type(signal))
        if saw is not None:
            saw(signal)

    def _saw_reading(self, reading: Reading) -> None:
        lost, points = int(np.count_nonzero(reading.quality & _PROTOCOL)), len(reading.values)
        last = f"{points} points" if lost < points else "no answer"
        self.meters.saw(reading.device, self.clock(), last, well=lost < points)
        if lost:
            profile = self.compiled.profiles.get(reading.device)
            self.metrics.communication_error(reading.device, profile.protocol if profile else "other")

    def _saw_receipt(self, receipt: Receipt) -> None:
        self.metrics.receipt(receipt, self.compiled.profiles[receipt.asset].protocol)
        if self.options.tracing.on:
            said = {"bess.asset_id": receipt.asset, "bess.dispatch_reason": receipt.status.name.lower()}
            self.options.tracing.record(WRITE, receipt.latency_s, said)

    def _saw_ceiling(self, ceiling: Ceiling) -> None:
        last = "no limit" if ceiling.kw == inf else f"{ceiling.kw:g} kW"
        self.meters.saw(ceiling_name(ceiling.direction), self.clock(), last)

    def _saw_order(self, signal: Schedule | Withdrawal) -> None:
        self._saw_document(signal)
        for history in self.histories.values():
            history.schedule(signal, self.options.utc_ns())

    def _saw_document(self, signal: Schedule | Withdrawal) -> None:
        """Said here because a topic has no answer: over REST an older version is refused with 409."""
        name = f"requests.{signal.type}"
        if isinstance(signal, Withdrawal):
            self.meters.saw(name, self.clock(), "withdrawn")
            return
        held = self._held_version(signal)
        self.meters.saw(name, self.clock(), f"version {held or signal.version}")
        if held is not None and signal.version < held:
            logger.warning("{}: version {} is older than the held {}: ignored", name, signal.version, held)

    def tick(self, tick: Tick) -> None:
        """One tick from snapshot to writers, then the numbers about it."""
        self._began_s = self.clock()
        self.entry.signals.on_next(tick)
        if self._sealed != tick.index:  # the stream has ended: an unfed watchdog ends the process, which starts anew
            self.failed("chain", RuntimeError(f"tick {tick.index} made no frame"))
            return
        for done in self.finished:
            done()

    def _remember(self, frame: Frame) -> None:
        self.entry.snapshot.remember(frame)
        self._sealed = frame.tick

    def _publish(self, frame: Frame) -> None:
        """The newest frame for people, and the numbers about the tick that made it."""
        self.view.frame, self.view.missed, self.view.late_s = frame, self.ticker.missed, self.ticker.late_s
        now = self.clock()
        self.meters.tick(frame, self._began_s, self._sampled_s, now)
        self.metrics.offer(frame, now - self._began_s, self.ticker.late_s, self._new_misses())
        self.checkpoint.offer(frame)
        self.chronicle.offer(frame)

    def _new_misses(self) -> int:
        new, self._counted_misses = self.ticker.missed - self._counted_misses, self.ticker.missed
        return new

    def _state_of(self, output: Published) -> Callable[[Frame], None]:
        def documents() -> Iterator[None]:
            output.offer_state(self.view.site())
            yield
            for asset in self.compiled.layout.assets:
                shown = self.view.asset(asset)
                if shown is not None:
                    output.offer(
                        "snapshot", asset, {name: shown[name] for name in ("at", "telemetry", "quality", "band")}
                    )
                    output.offer("command", asset, shown["last_command"] or {})
                output.offer("decision", asset, self.view.decision(asset) or {})
                yield
            output.offer("alarms", None, list(self.view.alarms()))
            if not isinstance(output, ForeignSink):
                output.offer_points(self.view.points_of, self.view.site()["at"])

        return lambda _frame: output.ask(documents)

    def failed(self, node: str, error: Exception) -> None:
        """A stage or subscriber raised: said at the 1st, 2nd, 4th, 8th … time."""
        count = self.failures[node] = self.failures.get(node, 0) + 1
        if count & (count - 1) == 0:
            logger.opt(exception=error).error("{} failed ({} times so far): {!r}", node, count, error)

    def _dropped(self, device: str, reason: str) -> None:
        self.failed(f"reading of {device}", ValueError(reason))

    def _held_version(self, schedule: Schedule) -> int | None:
        held = self.entry.snapshot.offers.schedules.get((schedule.type, schedule.asset))
        return None if held is None else held.version

    def components(self) -> dict[str, Any]:
        """Health of the parts, for `/health`."""
        parts: dict[str, Any] = {
            f"connections.{name}": {"status": "ok" if broker.connected else "lost"}
            for name, broker in self.field.brokers.items()
        }
        parts |= {
            name: {"status": "ok" if device.connection.connected else "lost"}
            for name, device in self.field.devices.items()
        }
        parts |= {
            f"connections.{name}": {"status": "ok" if server.connected else "lost"}
            for name, server in self.field.servers.connections.items()
        }
        parts |= {
            f"outputs.{name}": {"status": "ok" if history.numbers().connected else "buffering"}
            for name, history in self.histories.items()
        }
        parts |= {
            f"outputs.{name}": out.status for name, out in self.states.items() if not isinstance(out, ForeignSink)
        }
        parts |= {
            f"outputs.{name}": {"status": "lost" if recorder.problem else "ok"}
            for name, recorder in self.recorders.items()
        }
        parts |= {
            f"outputs.{name}": {"status": "ok" if server.listening else "lost"}
            for name, server in self.scada.items()
        }
        reason = compile_state()
        return parts | {"kernels": {"status": "ok" if reason is None else "plain", "reason": reason or "compiled"}}
