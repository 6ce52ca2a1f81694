"""The simulator's own door: state, fault buttons, and what it does not answer to."""

from __future__ import annotations

import re

import httpx
import pytest

from simulator import control
from simulator.faults import Fault
from simulator.plant import Plant


def client(plant: Plant, host: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(control.application({"bess1": plant}, lambda: {"broker": None}))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


@pytest.mark.req("LH-TEST-003")
async def test_the_state_shows_the_true_plant(plant: Plant) -> None:
    plant.write("power", 80.0)
    for _ in range(30):
        plant.advance(0.1)
    plant.board.switch("wrong_sign", True, plant.state.uptime_s)
    plant.advance(0.1)
    async with client(plant) as http:
        state = (await http.get("/state")).json()
    assert (state["battery"]["power_kw"], state["battery"]["setpoint_kw"]) == (80.0, 80.0)
    assert state["writes"] == {"accepted": 1, "refused": 0, "discarded": 0, "by_point": {"power": 1},
                               "newest_kw": 80.0, "age_s": 3.1}  # fmt: skip
    assert state["grid"]["poc_kw"] == pytest.approx(80.0 + state["grid"]["pv_kw"] - state["grid"]["load_kw"], abs=0.01)
    assert state["faults"]["wrong_sign"]["on"]
    assert set(state["faults"]) == set(Fault)
    assert state["broker"] is None


@pytest.mark.req("LH-TEST-003")
async def test_a_fault_is_switched_on_for_a_time_and_off_by_hand(plant: Plant) -> None:
    async with client(plant) as http:
        answer = await http.post("/faults/bms_limit", json={"on": True, "seconds": 2, "limit_kw": 20})
        assert (answer.status_code, answer.json()["seconds_left"], answer.json()["limit_kw"]) == (200, 2.0, 20.0)
        plant.advance(0.1)
        assert plant.effects.duress.limit_kw == 20.0
        plant.advance(2.0)
        assert not (await http.get("/state")).json()["faults"]["bms_limit"]["on"]
        await http.post("/faults/cable", json={"on": True})
        plant.advance(0.1)
        assert plant.effects.cable
        assert not (await http.post("/faults/cable", json={"on": False})).json()["on"]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("earthquake", b'{"on": true}', 404),
        ("cable", b'{"on": true', 400),
        ("cable", b'["on"]', 400),
        ("cable", b'{"on": "yes"}', 400),
        ("cable", b'{"seconds": 5}', 400),
        ("cable", b'{"on": true, "secs": 5}', 400),
        ("cable", b'{"on": true, "seconds": "5"}', 400),
        ("cable", b'{"on": true, "seconds": true}', 400),
        ("cable", b'{"on": true, "seconds": 1' + b"0" * 400 + b"}", 400),
        ("cable", b'{"on": true, "seconds": -5}', 422),
        ("cable", b'{"on": true, "seconds": NaN}', 422),
        ("cable", b'{"on": true, "limit_kw": 5}', 422),
        ("cable", b" " * 5000, 400),
        ("cable", b"[" * 4000, 400),
    ],
)
async def test_a_wish_that_makes_no_sense_gets_an_error_and_changes_nothing(
    plant: Plant, name: str, body: bytes, status: int
) -> None:
    async with client(plant) as http:
        answer = await http.post(f"/faults/{name}", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)
    assert plant.board.active(0.0) == {}


async def test_a_page_of_another_origin_cannot_press_the_buttons(plant: Plant) -> None:
    async with client(plant) as http:
        forged = await http.post("/faults/cable", content=b'{"on": true}', headers={"content-type": "text/plain"})
        assert forged.status_code == 415
        assert (await http.get("/faults/cable")).status_code == 405
    async with client(plant, host="rebound.example") as http:
        assert (await http.get("/state")).status_code == 400
    assert plant.board.active(0.0) == {}


async def test_the_page_needs_nothing_from_elsewhere(plant: Plant) -> None:
    async with client(plant) as http:
        page = await http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "Simulated plant" in page.text
    assert re.findall(r'(?:src|href)="(?!data:,)|https?://|@import', page.text) == []
