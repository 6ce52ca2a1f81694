"""Node ids of OPC UA: which are ones, and where a device's points are."""

from __future__ import annotations

import pytest

from config.address import AddressError
from config.node import below, check_node

pytestmark = pytest.mark.req("LH-OPCUA-002", "LH-CONF-003")

GUID = "12345678-1234-1234-1234-123456789abc"


@pytest.mark.parametrize(
    "text", ["i=2258", "s=ESS", "ns=2;s=ESS.SoC", "ns=65535;i=1", "nsu=urn:acme:ess;s=ESS", f"ns=3;g={GUID}", "b=QUJD"]
)
def test_a_node_id_is_taken_as_it_is(text: str) -> None:
    assert check_node(text) == text
    assert below("ns=2;s=ESS", text) == text


@pytest.mark.parametrize(
    "text", ["", "ESS", "ns=2", "ns=65536;i=1", "ns=x;i=1", "ns=2;x=1", "i=-1", "i=1 ", "s=", "g=1", "b=?", "nsu=;s=x"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(AddressError) as refused:
        check_node(text)
    assert refused.value.code == "E221"


def test_points_stand_below_their_device() -> None:
    assert below("ns=2;s=ESS", "SoC") == "ns=2;s=ESS.SoC"
    assert below("nsu=urn:acme;s=A", "Setpoint.ActivePower") == "nsu=urn:acme;s=A.Setpoint.ActivePower"
    assert below("s=A", "x") == "s=A.x"
    for parent in ("ns=2;i=7", f"g={GUID}", "ESS"):
        with pytest.raises(AddressError):
            below(parent, "SoC")
