"""`commission ASSET`: prove sign, known value and reversion on the device, and keep the evidence.

    run --arm (a process of its own) ── by hand ──► pulses ──► SIGKILL ──► only listen ──► evidence

Attended: nobody else commands the device meanwhile, and the hard-wired stop is within reach. Other batteries of the
definition run as it says. However it ends, the process that was started has ended too.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from config.address import parse_listen
from config.definition import Definition
from pipeline.check import Checked
from pipeline.commissioning.evidence import Step, device, keep
from pipeline.commissioning.findings import series
from pipeline.commissioning.listening import listen
from pipeline.commissioning.steps import Pulse, pulses, reversion, reverts_within_s, under_power
from pipeline.console import as_json, checked, chosen, fail, note, say, secrets_folder
from pipeline.exits import Exit
from pipeline.options import Options
from pipeline.remote import Remote, RemoteError, health
from sinks.journal import Journal
from sources.instant import format_utc

START_S, STOP_S = 120.0, 15.0


class CommissionError(RuntimeError):
    """It could not be begun or carried through; nothing is proven by it."""


@click.command()
@click.argument("asset")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--person", required=True, help="Who stands beside the battery: goes into journal and evidence.")
@click.option("--share", type=click.FloatRange(0.005, 0.2), default=0.05, show_default=True,
              help="Size of the pulses, of the rating.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before power flows.")
@secrets_folder
@as_json
def commission(
    asset: str, file: Path | None, person: str, share: float, yes: bool, secrets_dir: Path, in_json: bool
) -> None:
    """Prove ASSET attended: small pulses both ways, read-back, and what it does when the process is killed.

    Power flows. Nobody else may command the battery meanwhile.
    """
    path = chosen(file, in_json=in_json)
    found: Checked = checked(path, secrets_dir, to_run=True, in_json=in_json)
    definition = found.definition
    if definition is None or asset not in definition.assets:
        known = ", ".join(definition.assets) if definition is not None else "none"
        fail(f"there is no asset `{asset}`; there is {known}", Exit.FAILED, in_json=in_json)
    profile, model = found.profiles[asset], definition.assets[asset]
    pulse = Pulse.of(profile, min(model.rated.charge, model.rated.discharge), share)
    if not yes:
        click.confirm(f"{asset} will charge and discharge with {pulse.power_kw:g} kW, then its process is killed under "
                      "power. Are you beside it, with the hard-wired stop in reach?", abort=True, err=True)  # fmt: skip
    steps: list[Step] = []
    try:
        for step in _carried_out(found, definition, asset, pulse, path, secrets_dir, person):
            steps.append(step)
            if not in_json:
                note(f"{'shown' if step.passed else 'FAILED'}: {step.name}: {step.seen}")
        kept = keep(Path(definition.state_dir), asset, device(model, profile), format_utc(Options().utc_ns()), person,
                    steps)  # fmt: skip
    except (CommissionError, RemoteError, OSError) as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    passed = all(step.passed for step in steps)
    if in_json:
        say(json.loads(kept.read_text(encoding="utf-8")))
    else:
        note(f"{asset}: {'commissioned' if passed else 'not commissioned'}; {kept}")
    sys.exit(Exit.OK if passed else Exit.FAILED)


def _carried_out(
    found: Checked, definition: Definition, asset: str, pulse: Pulse, path: Path, secrets_dir: Path, person: str
) -> Iterator[Step]:
    profile, url, token = found.profiles[asset], *_door(definition)
    with suppress(RemoteError):
        health(url, 1.0)
        raise CommissionError(f"a process answers at {url} already: end it, nobody else may command the battery")
    log = Path(definition.state_dir) / "commission.log"
    with _armed(path, secrets_dir, log) as process, _Bench.of(url, token, asset, person, process, log) as bench:
        failed = False
        for step in pulses(bench, profile, pulse):
            failed = failed or not step.passed
            yield step
        if failed:
            return
        last = under_power(bench, profile, pulse)
        yield last
        if not last.passed:
            return
        process.kill()
        process.wait()
    yield asyncio.run(_silence(found, definition, asset, pulse))
    asyncio.run(_on_purpose(Path(definition.state_dir) / "journal.jsonl"))


async def _on_purpose(path: Path) -> None:
    """Say in the journal that the process was meant to end: several batteries in a row are no crash loop."""
    known = Journal(path, "commissioning")
    killed = [entry.boot_id for entry in known.entries if entry.what == "boot"][-1]
    await known.close()
    journal = Journal(path, killed)
    await journal.end(Options().utc_ns())
    await journal.close()


async def _silence(found: Checked, definition: Definition, asset: str, pulse: Pulse) -> Step:
    """Listen alone until the device must have reverted."""
    profile, silent_s = found.profiles[asset], asyncio.get_running_loop().time()
    heard = await listen(definition, found.profiles, reverts_within_s(profile))
    return reversion(profile, series(heard[asset], "power"), silent_s, pulse)


@contextmanager
def _armed(path: Path, secrets_dir: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The production process on this definition, armed; ended in order, 0 kW first, if it still runs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "pipeline", "run", str(path), "--arm", "--secrets-dir", str(secrets_dir)]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _door(definition: Definition) -> tuple[str, str]:
    """Where this machine reaches the endpoint, and with which token. Raises CommissionError."""
    endpoint = definition.endpoint
    token = None if endpoint is None else endpoint.tokens.operator or endpoint.tokens.engineer
    if endpoint is None or token is None or endpoint.tls is not None:
        raise CommissionError("commissioning needs an `endpoint:` with an operator token, without TLS of its own")
    host, port = parse_listen(endpoint.listen)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # of all addresses, this machine's
    return f"http://{f'[{host}]' if ':' in host else host}:{port}", token.reveal()


class _Bench:
    """The process through its endpoint, as an operator sees it."""

    def __init__(self, url: str, token: str, asset: str, person: str, process: subprocess.Popen[bytes]) -> None:
        self._url, self._token, self._asset, self._person, self._process = url, token, asset, person, process
        self._topics: Iterator[tuple[str, Any]] = iter(())
        self._poc_kw: float | None = None

    @classmethod
    @contextmanager
    def of(
        cls, url: str, token: str, asset: str, person: str, process: subprocess.Popen[bytes], log: Path
    ) -> Iterator[_Bench]:
        """Wait until it answers. Raises CommissionError."""
        until = time.monotonic() + START_S
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise CommissionError(f"the process does not come up; see {log}")
        bench = cls(url, token, asset, person, process)
        with Remote(url, token) as remote:
            bench._topics = remote.follow([f"assets.{asset}", "site"], max_hz=5.0, within_s=10.0)
            yield bench

    def clock(self) -> float:
        return time.monotonic()

    def seen(self) -> Mapping[str, Any]:
        for topic, value in self._topics:
            if topic == "site":
                self._poc_kw = value.get("poc_kw")
            else:
                return {**value, "poc_kw": self._poc_kw}
        raise CommissionError("the process has nothing more to say")

    def by_hand(self, power_kw: float, dead_man_s: float) -> str:
        told = {"asset_id": self._asset, "power_kw": power_kw, "dead_man_s": dead_man_s, "person": self._person,
                "reason": "commissioning"}  # fmt: skip
        request = urllib.request.Request(  # noqa: S310  # http only, by construction
            f"{self._url}/operator/manual", json.dumps(told).encode(),
            {"content-type": "application/json", "authorization": f"Bearer {self._token}"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=15.0):  # noqa: S310
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return f"refused with {error.code}: {_detail(error.read())}"
        except OSError as error:
            raise CommissionError(f"the process does not answer any more: {error}") from None


def _answers(url: str) -> bool:
    try:
        health(url, 1.0)
    except RemoteError:
        time.sleep(0.2)
        return False
    return True


def _detail(body: bytes) -> str:
    try:
        told = json.loads(body)
    except ValueError:
        return "no reason given"
    return str(told.get("detail") or told.get("error") or told) if isinstance(told, dict) else str(told)
