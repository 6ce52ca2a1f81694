"""OPC UA in a running process: one connection per server, and nothing of it for those who do not use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config.catalogue import profile
from config.definition import Connection as Declared
from config.quantity import Secret
from config.site import Input
from pipeline.compile import compile_definition
from pipeline.field import Field
from pipeline.servers import access_of
from tests.conftest import ROOT
from tests.rig import site

pytestmark = pytest.mark.req("LH-PROT-001", "LH-OPCUA-001", "LH-OPCUA-005")

ESS = {"ess": Declared(url="opc.tcp://127.0.0.1:4840")}


def test_the_library_is_imported_only_where_a_device_speaks_it() -> None:
    """Half a second and 40 MB, for those who have such a device."""
    code = "import sys, pipeline.run, pipeline.check; print('asyncua' in sys.modules, 'cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_devices_behind_one_server_share_its_connection_and_one_job_keeps_it(tmp_path: Path) -> None:
    definition = site()
    battery = definition.assets["b1"].model_copy(update={"connect": "ess", "node": "ns=2;s=ESS"})
    door = Input.model_validate({"connect": "ess", "node": "ns=2;s=DOOR.Open", "active": "high"})
    poc = definition.site.meters["poc"].model_copy(update={"connect": "modbus-tcp://127.0.0.2/1", "topic": None})
    plant = definition.site.model_copy(update={"meters": {"poc": poc}})
    named = definition.connections | ESS
    changed = {"site": plant, "assets": {"b1": battery}, "connections": named, "inputs": {"door": door}}
    behind = definition.model_copy(update=changed)
    profiles = {"b1": profile("opcua-ess"), "site.poc": profile("grid-meter")}
    compiled = compile_definition(behind, profiles)
    field = Field.of(
        compiled, lambda: 0.0, lambda _signal: None, armed=True, jitter=lambda: 0.5, directory=tmp_path
    )
    servers = field.servers
    assert list(servers.connections) == ["ess"]
    assert set(servers.devices) == {"b1", "inputs.door"}
    assert {device.connection for device in servers.devices.values()} == {servers.connections["ess"]}
    assert {"connections.ess", "b1", "b1.writer", "inputs.door"} <= set(field.jobs)
    assert servers.devices["b1"].write == {
        "power": "ns=2;s=ESS.SetpointRequest", "heartbeat": "ns=2;s=ESS.ControllerCounter",
    }  # fmt: skip
    assert servers.devices["inputs.door"].read == {"value": "ns=2;s=DOOR.Open"}
    assert field.contested() == []
    assert not servers.connections["ess"].connected


def test_secrets_of_a_connection_reach_the_server_alone() -> None:
    declared = Declared(
        url="opc.tcp://[::1]:4841/x", user="ems", password=Secret("a", "word"), security="Basic256Sha256/Sign",
        certificate=Secret("b", "PEM"), key=Secret("c", "KEY"),
    )  # fmt: skip
    access = access_of(declared, None, None)
    assert (access.place, access.secured, access.user) == ("[::1]:4841", True, "ems")
    assert (access.password, access.certificate, access.key) == ("word", "PEM", "KEY")
    assert not {"word", "PEM", "KEY"} & set(repr(access).replace("'", " ").split())
    assert not access_of(Declared(url="opc.tcp://h:1", security="None"), None, None).secured
