"""Running: the order in which a process starts, lives and ends.

    bind ─► journal, checkpoint ─► standing stops ─► tasks ─► graph ─► ticks ─► watchdog
    SIGTERM ─► ticks end ─► 0 kW written and confirmed ─► records flushed ─► connections closed

Without `--arm` it is a shadow: it reads and computes everything and writes nothing. It ends in 0 kW at every device it
ever wrote to, or says which one did not confirm (LH-OPS-002).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loguru import logger

from config.definition import Endpoint
from pipeline import edges, logs, memory
from pipeline.awake import Awake
from pipeline.chain import stages
from pipeline.check import Checked
from pipeline.commissioning.evidence import lacking
from pipeline.compile import compile_definition
from pipeline.edges import EdgeFault, EdgeFaultError
from pipeline.exits import Exit
from pipeline.graph import as_json
from pipeline.options import Options
from pipeline.process import VERSION, Process, chain_graph
from pipeline.reloading import Reloading
from pipeline.tasks import Tasks
from pipeline.twins import settle_kernels
from pipeline.view import silent
from pipeline.watchdog import Watchdog, end_process
from sinks.journal import Entry, JournalFileError
from sinks.postgres.queries import Archive
from sinks.tracing import RUN, Tracing, TracingError
from sinks.web.auth import Credential, Keyring, WeakTokenError
from sinks.web.hub import Hub
from sinks.web.origin import Listener, ListenRefusedError
from sinks.web.ports import Role
from sinks.web.serve import BindError, CertificateError, bind, serve, tls_context, url
from sinks.web.shell import Shell
from sources.instant import format_utc
from sources.points import point_names

STOP_S = 3.0  # reliability H6i
WATCHDOG_S = 4.0  # L6: silent for 3 s, and gone within 2 s of that, with the time to look and to say so
#: A refusal to start that is said in one line.
REFUSALS = (
    BindError, ListenRefusedError, CertificateError, WeakTokenError, JournalFileError, TracingError, EdgeFaultError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Web:
    """The endpoint, bound and ready to serve."""

    shell: Shell
    hub: Hub
    url: str
    sock: socket.socket
    tls: ssl.SSLContext | None


def run(
    checked: Checked,
    *,
    arm: bool = False,
    json_log: bool = False,
    simulator_url: str | None = None,
    state_dir: Path | None = None,
    traces: str | None = None,
    for_s: float | None = None,
    faults: Sequence[str] = (),
    again: Callable[[], Checked] | None = None,
) -> Exit:
    """Run until SIGTERM or SIGINT. `checked.definition` is there: the caller has refused everything else.

    `simulator_url` is given by the demo alone: the page says so and links to the simulator's faults. `traces` is the
    address of an OTLP collector; without it nothing is traced. After `for_s` it ends by itself.
    `faults` are inserted on edges of the graph; an armed run with any is refused. `again` checks the file anew, for
    SIGHUP (`pipeline.reloading`).
    """
    logs.configure("json" if json_log else "human")
    if checked.definition is None:
        raise ValueError("a definition with errors is refused before it is run")
    if checked.later:
        raise ValueError(f"a definition with {checked.later[0].message} is refused before it is run")
    site = checked.definition.site.name
    shown = {"demo": simulator_url is not None, "simulator_url": simulator_url}
    try:
        tracing = Tracing.start(traces, site=site, version=VERSION) if traces else Tracing.off()
        with tracing.span(RUN):
            options = Options(arm, state_dir, shown, tracing, faults=_inserted(checked, faults, arm))
            with asyncio.Runner(loop_factory=Awake) as runner:
                return runner.run(_run(checked, options, for_s, again))
    except REFUSALS as error:
        logger.error("{}", error)
        return Exit.FAILED


def _inserted(checked: Checked, faults: Sequence[str], arm: bool) -> tuple[EdgeFault, ...]:
    """What stands on the edges. Raises EdgeFaultError."""
    if arm and faults:
        raise EdgeFaultError("`--fault` is for a shadow: with `--arm` a device would be run by what is not so")
    devices = {name: point_names(profile) for name, profile in checked.profiles.items()}
    return tuple(edges.read(text, devices) for text in faults)


def graph_of(checked: Checked) -> dict[str, Any]:
    """The compiled graph of a definition as data; nothing is connected."""
    if checked.definition is None:
        raise ValueError("a definition with errors is refused before it is compiled")
    compiled = compile_definition(checked.definition, checked.profiles)
    return as_json(chain_graph(compiled, stages(compiled, lambda: 0.0, lambda _stage, _error: None)))


async def _run(
    checked: Checked, options: Options, for_s: float | None, again: Callable[[], Checked] | None
) -> Exit:
    if checked.definition is None:
        raise ValueError("a definition with errors is refused before it is run")
    definition, asked = checked.definition, asyncio.Event()
    if again is not None:  # before anything that takes its time: by default this signal ends a process
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    process = Process(definition, checked.profiles, options)
    settle_kernels(process.compiled)
    stop = asyncio.Event()
    _on_signals(stop)
    if for_s is not None:
        process.loop.call_later(for_s, stop.set)
    try:
        web = _web(process, definition.endpoint) if definition.endpoint else None
    except Exception:
        await _ended(process)  # a refusal to start, said to whoever started it
        raise
    tasks = Tasks(process.clock)
    for history in process.histories.values():
        history.start(process.journal)
    process.journal.noted = _noted(process)
    for act in process.journal.standing(process.compiled.layout.assets):
        logger.warning("{}: a stop of {} stands: {}", act.asset or "all assets", act.operator, act.reason)
        process.post(act)
    for text in lacking(definition, checked.profiles, process.directory) if options.armed else ():
        logger.warning("{}", text)
    for told in process.door.ceilings.standing():
        process.post(told)
    start_tasks(process, tasks)
    if again is not None:
        tasks.start("reload", Reloading(process, tasks, again, asked).run)
    process.subscribe()
    serving = None
    if web is not None:
        process.finished.append(web.hub.offer)
        serving = asyncio.create_task(_serve(web, stop))
    watchdog = watched(process)
    process.finished.append(memory.after_tick(process.clock))
    memory.settle()
    process.ticker.start()
    watchdog.start()
    _say_started(process, options, web)
    await stop.wait()
    process.ticker.stop()
    watchdog.stop()
    confirmed = await zero(process)
    await _ended(process)
    await close(process, tasks, serving)
    return Exit.OK if confirmed else Exit.UNCONFIRMED


async def _ended(process: Process) -> None:
    """An end that was asked for is no crash. Where the disk does not take that, the next start counts one too many."""
    try:
        await process.journal.end(time.time_ns())
    except JournalFileError as error:
        logger.error("{}", error)


def _noted(process: Process) -> Callable[[Entry], None]:
    def noted(entry: Entry) -> None:
        for history in process.histories.values():
            history.entry(entry)

    return noted


def start_tasks(process: Process, tasks: Tasks) -> None:
    for name, job in process.field.jobs.items():
        tasks.start(name, job)
    for name, history in process.histories.items():
        tasks.start(f"outputs.{name}", history.run)
    for name, recorder in process.recorders.items():
        tasks.start(f"outputs.{name}", recorder.run)
    for name, server in process.scada.items():
        tasks.start(f"outputs.{name}", server.run)
    for name, state in process.states.items():
        tasks.start(f"outputs.{name}", state.run)
    tasks.start("checkpoint", process.checkpoint.run)
    tasks.start("alarms", process.alarms.keeper.run)


def watched(
    process: Process, end: Callable[[int], None] = end_process, clock: Callable[[], float] = time.monotonic
) -> Watchdog:
    """The watchdog of these ticks, not started yet. Its clock does not count the time for which the machine slept."""
    limit_s = max(WATCHDOG_S, 4 * process.definition.site.cycle)
    watchdog = Watchdog(limit_s, int(Exit.INTERNAL), end, clock)
    process.finished.append(watchdog.feed)
    return watchdog


def _web(process: Process, endpoint: Endpoint) -> Web:
    listener = Listener.parse(
        endpoint.listen,
        tls=endpoint.tls is not None,
        behind_proxy=endpoint.behind_proxy,
        anonymous_viewer=endpoint.anonymous_viewer,
    )
    tokens = {
        Role.VIEWER: endpoint.tokens.viewer,
        Role.OPERATOR: endpoint.tokens.operator,
        Role.ENGINEER: endpoint.tokens.engineer,
    }
    keyring = Keyring(
        Credential(role.word, role, token.reveal()) for role, token in tokens.items() if token is not None
    )
    tls = None
    if endpoint.tls is not None:
        certificate, key = endpoint.tls.certificate.path, endpoint.tls.key.path
        tls = tls_context(certificate or Path(), key or Path())
    listener.verify(tokens=bool(keyring))
    sock = bind(listener)
    archive = None
    for history in process.histories.values():
        archive = Archive(history.database, process.definition.site.name)
    shell = Shell(
        view=process.view,
        door=process.door,
        listener=listener,
        keyring=keyring,
        clock=process.clock,
        utc_ns=time.time_ns,
        new_id=lambda: secrets.token_hex(8),
        secret=lambda: secrets.token_urlsafe(32),
        metrics=process.metrics.render,
        archive=archive,
    )
    hub = Hub(process.view, process.clock, lambda: format_utc(time.time_ns()))
    return Web(shell, hub, url(listener, sock), sock, tls)


async def _serve(web: Web, stop: asyncio.Event) -> None:
    try:
        await serve(web.shell, web.hub, web.sock, stop, tls=web.tls)
    except Exception as error:
        logger.opt(exception=error).error("endpoint: ended: {!r}", error)


def _on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT ask for an orderly end; a second one changes nothing."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def zero(process: Process) -> bool:
    """0 kW to every device that is written to, confirmed. False when one did not confirm in time.

    A device that is silent now (local control, standby, locked out) was left at 0 kW or is in other hands: silence
    holds for the last write too.
    """
    wrote = sorted(asset for asset in process.field.wrote if not silent(process.view.frame, asset))
    for asset in sorted(process.field.wrote - set(wrote)):
        logger.info("{}: silent now, nothing is written to it", asset)
    if not wrote:
        logger.info("nothing is being written; nothing to stop")
        return True
    outcomes = await asyncio.gather(
        *(process.field.writers[asset].stop(STOP_S) for asset in wrote), return_exceptions=True
    )
    for asset in wrote:
        command = process.field.writers[asset].closed
        if command is not None:
            for history in process.histories.values():
                history.closed(command)
    for asset, outcome in zip(wrote, outcomes, strict=True):
        if outcome is True:
            logger.info("{}: 0 kW written and confirmed", asset)
        else:
            logger.error(
                "{}: 0 kW was not confirmed within {} s ({}); the device's own reversion covers the gap",
                asset,
                STOP_S,
                outcome,
            )
    return all(outcome is True for outcome in outcomes)


async def close(process: Process, tasks: Tasks, serving: asyncio.Task[None] | None) -> None:
    tasks.closing()
    for state in process.states.values():
        await state.close()
    for broker in process.field.brokers.values():
        with contextlib.suppress(Exception):
            await broker.close()
    if serving is not None:
        await asyncio.wait({serving}, timeout=3.0)
    await tasks.cancel()
    for device in process.field.devices.values():
        device.close()
    with contextlib.suppress(Exception):
        await process.field.servers.close()
    await process.journal.close()
    for recorder in process.recorders.values():
        await recorder.close()
    for history in process.histories.values():
        await history.close()


def _say_started(process: Process, options: Options, web: Web | None) -> None:
    mode = "ARMED: commands are written" if options.armed else "shadow: nothing is written (start with --arm to write)"
    logger.info(
        "{}: {} asset(s), cycle {} s, {}",
        process.definition.site.name,
        len(process.compiled.layout.assets),
        process.definition.site.cycle,
        mode,
    )
    if web is not None:
        logger.info("page, REST and websocket at {}", web.url)
