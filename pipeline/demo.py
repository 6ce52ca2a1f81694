"""`bess-pipeline demo`: a battery plant, a broker, a database and the pipeline, as separate supervised processes.

    broker (mosquitto) ◄──► simulator (Modbus, MQTT, OPC UA) ◄──► bess-pipeline run --arm ──► database (PostgreSQL)
                                                                        └──► one URL

Guarantees: everything listens on loopback; whatever dies runs again within 5 s; an end on request stops the pipeline
first, which writes 0 kW and reads it back, and the others after it; a killed demo takes its children with it. Secrets
are made once, readable by this user alone. State lives in one folder and is found again by the next start. The
pipeline is armed against the simulator only: its definition holds no address but loopback.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path

import config
from pipeline import broker
from pipeline.embedded import EmbeddedError, embedded
from pipeline.exits import Exit
from pipeline.remote import RemoteError, health
from pipeline.supervise import Crew, Program, Supervised

EXAMPLES = Path(config.__file__).parent / "examples"
DEFINITION = {"modbus": EXAMPLES / "demo.yaml", "mqtt": EXAMPLES / "mqtt.yaml", "opcua": EXAMPLES / "opcua.yaml"}
TOKENS = ("viewer_token", "operator_token", "engineer_token")
PAGE_PORT = 8088
READY_S = 180.0  # a first start compiles kernels: seconds on an idle machine, a minute on a busy one
PATIENT_S = 5.0
POLL_S = 0.1
PIPELINE_STOP_S = 15.0
TAIL = 12
COMPILING = "the pipeline compiles its kernels, once; this can take a minute"

Say = Callable[[str], None]


class DemoError(RuntimeError):
    """The demo cannot run; the message says which part and why."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may choose. `frequency`: a recording of 1-s values; None: $BESS_PIPELINE_DATA, else generated."""

    state: Path
    battery: str = "modbus"
    port: int | None = None
    frequency: Path | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is: a folder for the state, ports on loopback, the database's URL (None: there is none)."""

    state: Path
    page: int
    modbus: int
    mqtt: int
    control: int
    database_url: str | None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.page}/"

    @property
    def simulator_url(self) -> str:
        return f"http://127.0.0.1:{self.control}/"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    def log(self, name: str) -> Path:
        return self.state / f"{name}.log"


async def run(options: Options, say: Say, ready: Callable[[Place], None], stop: asyncio.Event) -> Exit:
    """Start everything, call `ready` once the page answers, go on until `stop`, end in order. Raises DemoError."""
    state = options.state.resolve()
    with claimed(state):
        place = await asyncio.to_thread(prepare, options, state, say)
        try:
            broker_program = await asyncio.to_thread(broker.program, state, place.mqtt, say)
        except broker.BrokerError as error:
            raise DemoError(str(error)) from error
        crew = Crew(say)
        ems: Supervised | None = None
        code: int | None = None
        try:
            await start_plant(options, place, broker_program, crew, stop)
            if not stop.is_set():
                ems = crew.start(pipeline_program(options, place))
                await until_ready(ems, lambda: answers(place.url), stop, lambda: say(COMPILING))
            if not stop.is_set():
                ready(place)
            await stop.wait()
        finally:
            say("stopping" if ems is None else "stopping: the pipeline first, which writes 0 kW and reads it back")
            first = ems is None or not ems.restarts
            code = await crew.stop("pipeline")
            await crew.stop_all()
        return finished(code, say, first=first)


def prepare(options: Options, state: Path, say: Say) -> Place:
    """Secrets, ports and the database's place. Raises DemoError."""
    if options.port is not None and not is_free(options.port):
        raise DemoError(f"port {options.port} is in use; choose another one with --port")
    make_secrets(state / "secrets")
    page = options.port or (PAGE_PORT if is_free(PAGE_PORT) else 0)
    modbus, mqtt, control, *more = free_ports(3 if page else 4)
    return Place(state, page or more[0], modbus, mqtt, control, database_url(state, say))


def database_url(state: Path, say: Say) -> str | None:
    """Where the embedded database will be; whatever it does to the system as root is said now, before it starts."""
    try:
        return embedded(state / "postgres", say=say).url
    except EmbeddedError as error:
        say(f"no database: {error}; the pipeline buffers on disk instead")
        return None


async def start_plant(options: Options, place: Place, broker_program: Program, crew: Crew, stop: asyncio.Event) -> None:
    """Broker, simulator and database together, each until it serves."""
    serving: list[tuple[Supervised, Callable[[], bool]]] = [
        (crew.start(broker_program), lambda: listens(place.mqtt)),
        (crew.start(simulator_program(options, place)), (place.state / "simulator.json").exists),
    ]
    if place.database_url is not None:
        serving.append((crew.start(database_program(place)), (place.state / "database.json").exists))
    for part, serves in serving:
        await until_ready(part, serves, stop)


def python(*arguments: str) -> list[str]:
    """This interpreter; `-P` keeps the current folder out of the module path."""
    return [sys.executable, "-P", "-m", *arguments]


def simulator_program(options: Options, place: Place) -> Program:
    command = python(
        "simulator",
        *("--storage", options.battery, "--control-port", str(place.control)),
        *("--opcua-port" if options.battery == "opcua" else "--modbus-port", str(place.modbus)),
        *("--broker", f"mqtt://127.0.0.1:{place.mqtt}", "--ready-file", str(place.state / "simulator.json")),
        *("--topic", "demo/battery/{asset}"),
    )
    if options.frequency is not None:
        command += ["--frequency", str(options.frequency.resolve())]
    return Program("simulator", command, place.log("simulator"))


def database_program(place: Place) -> Program:
    command = python("pipeline.database", str(place.state / "postgres"), str(place.state / "database.json"))
    return Program("database", command, place.log("database"), stop_within_s=15.0)


def pipeline_program(options: Options, place: Place) -> Program:
    command = python(
        *("pipeline", "run", str(DEFINITION[options.battery]), "--arm", "--secrets-dir", str(place.secrets)),
        *("--log", "json"),
    )
    environment = {
        "PORT": str(place.page),
        "SIMULATOR_PORT": str(place.modbus),
        "BROKER_URL": f"mqtt://127.0.0.1:{place.mqtt}",
        "DEMO_STATE": str(place.state / "pipeline"),
        "BESS_PIPELINE_SIMULATOR_URL": place.simulator_url,
    }
    if place.database_url is not None:
        environment["DATABASE_URL"] = place.database_url
    return Program("pipeline", command, place.log("pipeline"), environment, stop_within_s=PIPELINE_STOP_S)


async def until_ready(
    part: Supervised, serves: Callable[[], bool], stop: asyncio.Event, late: Callable[[], None] = lambda: None
) -> None:
    """Wait until it serves or the demo is to stop. DemoError with its last log lines when it does not come up.

    `late` is called once when that takes a while.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    deadline, hint = began + READY_S, began + PATIENT_S
    while not stop.is_set() and not await asyncio.to_thread(serves):
        if part.restarts >= 2 or loop.time() > deadline:
            name, log = part.program.name, part.program.log
            raise DemoError(f"the {name} does not start; the end of {log}:\n{tail(log)}")
        if loop.time() > hint:
            late()
            hint = inf
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), POLL_S)


def finished(code: int | None, say: Say, *, first: bool) -> Exit:
    """What the pipeline's exit code says about its last command. `first`: it was never started again."""
    if code == Exit.OK:
        say("0 kW written and confirmed")
        return Exit.OK
    if first and code in {None, -signal.SIGTERM}:  # ended before it could take a signal, hence before it could write
        say("the pipeline had not begun, nothing was written")
        return Exit.OK
    say(f"the pipeline did not confirm 0 kW (exit code {code}); the battery reverts to 0 kW by itself")
    return Exit.UNCONFIRMED


@contextmanager
def claimed(state: Path) -> Iterator[None]:
    """The state folder for this demo alone. Raises DemoError when another one has it."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DemoError(f"another demo runs in {state}; choose another folder with --state") from error
        for left in ("simulator.json", "database.json"):
            (state / left).unlink(missing_ok=True)
        yield


def make_secrets(folder: Path) -> None:
    """One random token per role, made once, for this user's eyes alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for path in (folder / name for name in TOKENS):
        if not path.is_file() or not path.stat().st_size:
            with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as token:
                token.write(secrets.token_urlsafe(24))


def free_ports(count: int) -> list[int]:
    """Loopback ports that are free now, each another one."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def answers(url: str) -> bool:
    """Whether the endpoint is there; what it thinks of its own health is shown on its page."""
    try:
        health(url)
    except RemoteError:
        return False
    return True


def tail(log: Path) -> str:
    """The last lines of a log; of JSON lines the message."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL:] if log.exists() else ["(empty)"]
    return "\n".join(f"  {_message(line)}" for line in lines)


def _message(line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line
    return str(record.get("message", line)) if isinstance(record, dict) else line
