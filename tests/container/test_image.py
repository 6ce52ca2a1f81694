"""The image: its Dockerfile's steps in a clean root, then what a container would do with it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.remote import RemoteError, health
from tests.conftest import ROOT
from tests.container.dockerfile import Stage, assignments, read_stages
from tests.container.rootfs import Root, build, permitted
from tests.real.until import until

DOCKERFILE = ROOT / "Dockerfile"

SITE = """\
version: 1
site:
  name: image
  import_limit: 300 kW
  export_limit: 250 kW
  meters: { poc: { profile: grid-meter, connect: "modbus-tcp://127.0.0.1:MODBUS/2" } }
assets:
  bess1:
    profile: sunspec-storage
    connect: modbus-tcp://127.0.0.1:MODBUS/1
    rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }
    ramp: 50 kW/s
requests:
  - idle: 0 kW
endpoint: { listen: "127.0.0.1:PAGE", anonymous_viewer: true }
state_dir: /var/lib/bess-pipeline
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def simulator(folder: Path) -> Iterator[int]:
    """A plant on Modbus; its port."""
    ready = folder / "simulator.json"
    command = [sys.executable, "-P", "-m", "simulator", "--meter-profile", "grid-meter", "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while not ready.exists():
                assert process.poll() is None, "the simulator has ended"
                time.sleep(0.05)
            yield int(json.loads(ready.read_text())["modbus_port"])
        finally:
            process.terminate()


@contextmanager
def container(root: Root, stage: Stage, volume: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """What an engine does with the image: its own command, read-only, as its own user, without privileges."""
    command = " ".join(["exec", *stage.command("ENTRYPOINT"), *stage.command("CMD"), *arguments])
    entered = root.enter(command, extra=root.sealed(volume, stage.last("VOLUME")), user=stage.last("USER"))
    with (volume.parent / "log").open("wb") as log, subprocess.Popen(entered, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.integration
@pytest.mark.timeout(600)
@pytest.mark.req("LH-TEST-007", "LH-DEPLOY-001", "LH-DEPLOY-002", "LH-ZIEL-003", "LH-NATIVE-005", "LH-NF-003")
@pytest.mark.skipif(not permitted(), reason="a new root needs root and mount namespaces")
async def test_the_image_boots_read_only_and_unprivileged_and_is_healthy(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    stages = read_stages(DOCKERFILE)
    root, runtime = build(stages, ROOT, tmp_path / "roots"), stages[-1]
    volume, page = tmp_path / "volume", free_port()
    volume.mkdir(mode=0o700)
    os.chown(volume, *map(int, runtime.last("USER").split(":")))
    url = root.env["BESS_PIPELINE_URL"] = f"http://127.0.0.1:{page}"

    def once(command: str) -> int:
        sealed = root.sealed(volume, runtime.last("VOLUME"))
        entered = root.enter(command, extra=sealed, user=runtime.last("USER"))
        return subprocess.run(entered, check=False, capture_output=True, timeout=60).returncode

    with simulator(tmp_path) as port:
        (root.path / "etc" / "bess-pipeline").mkdir()
        site = SITE.replace("MODBUS", str(port)).replace("PAGE", str(page))
        (root.path / "etc" / "bess-pipeline" / "site.yaml").write_text(site)
        with container(root, runtime, volume, "--arm") as running:
            await until(lambda: well(url), 90.0, f"/health answers 200; see {tmp_path / 'log'}")
            assert health(url)[1]["components"]["kernels"] == {"status": "ok", "reason": "compiled"}
            status = Path(f"/proc/{running.pid}/status").read_text()
            for held in (r"^Uid:\t10001\t10001", r"^CapEff:\t0+$", r"^CapBnd:\t0+$", r"^NoNewPrivs:\t1$"):
                assert re.search(held, status, re.MULTILINE), held
            assert once(" ".join(runtime.command("HEALTHCHECK"))) == 0
            assert once("touch /tmp/x") == 0
            assert once("touch /etc/x || touch /opt/bess-pipeline/x") != 0
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0, (tmp_path / "log").read_text()


def well(url: str) -> bool:
    try:
        return health(url)[0]
    except RemoteError:
        return False


def test_the_dockerfile_builds_apart_from_what_it_runs() -> None:
    """Two stages; the last one installs nothing and ends as an unprivileged user."""
    stages = read_stages(DOCKERFILE)
    assert [stage.name for stage in stages] == ["builder", "runtime"]
    runtime = stages[-1]
    assert int(runtime.last("USER").split(":")[0]) >= 10000
    assert not any(re.search(r"\b(pip|apt-get|curl)\b", step.text) for step in runtime.steps if step.word == "RUN")
    environment = {name: value for step in runtime.steps if step.word == "ENV"
                   for name, value in assignments(step.text).items()}  # fmt: skip
    assert environment["PYTHONSAFEPATH"] == "1"
    assert environment["NUMBA_CPU_NAME"] == "generic"
    assert runtime.command("HEALTHCHECK") == ["bess-pipeline", "health"]


def test_what_the_image_copies_is_in_the_build_context() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    steps = [step.text for stage in read_stages(DOCKERFILE) for step in stage.steps if step.word == "COPY"]
    copied = {word.rstrip("/") for text in steps if not text.startswith("--from") for word in text.split()[:-1]}
    assert {name for name in copied if name != "requirements"} <= allowed
    assert all((ROOT / name).exists() or name == "README.md" for name in copied)


def test_a_step_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x AS y\nADD a b\n")
    with pytest.raises(ValueError, match="ADD"):
        read_stages(tmp_path / "Dockerfile")
