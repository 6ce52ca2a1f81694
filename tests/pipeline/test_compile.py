"""A definition and its profiles become rows, constants and places; the log tells what changes. Data only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from loguru import logger

from jit import constants as c
from jit import points as m
from jit.codes import Quality
from jit.points import POINT_OF_ROW
from pipeline.chain import stages
from pipeline.chronicle import Chronicle
from pipeline.compile import Compiled, compile_definition, ends
from sources.act import ActKind
from sources.reading import Reading
from tests.rig import METER, Rig, site, storage


def compiled(**changes: Any) -> Compiled:
    definition = site(2, fcr_kw=60.0).model_copy(update=changes)
    profiles = {name: storage() for name in definition.assets}
    return compile_definition(definition, profiles | {f"site.{meter}": METER for meter in definition.site.meters})


def test_ratings_are_in_the_chains_units_one_column_per_asset() -> None:
    ratings = compiled().constants.ratings
    assert ratings.shape == (len(c.RATING_NAMES), 2)
    expected = {
        c.CHARGE_KW: 250.0, c.DISCHARGE_KW: 250.0, c.ENERGY_KWH: 500.0, c.SOC_MIN: 10.0, c.SOC_MAX: 90.0,
        c.EFF_CHARGE: 0.95, c.RAMP_UP: 50.0, c.RAMP_STOP: np.inf, c.STALE_AFTER: 3.0, c.RESOLUTION_KW: 0.1,
        c.DEAD_TIME_S: 1.0, c.LAG_S: 1.0, c.PROMISES_LIMITS: 1.0, c.HAS_PROOF: 1.0, c.REVERTS_AFTER_S: 10.0,
        c.VALID_FOR_S: 3.0,
    }  # fmt: skip
    for row, value in expected.items():
        assert ratings[row].tolist() == [value, value], c.RATING_NAMES[row]


def test_critical_alarm_bits_are_a_mask() -> None:
    assert compiled().constants.masks[c.CRITICAL_ALARMS].tolist() == [0b11, 0b11]


def test_a_site_without_limits_has_infinite_ones() -> None:
    parameters = compiled().constants.site
    assert parameters[c.IMPORT_LIMIT] == parameters[c.EXPORT_LIMIT] == np.inf
    assert parameters[c.CYCLE_S] == 1.0
    assert parameters[c.POC_STALE_AFTER] == 3.0


def test_a_service_is_split_by_rating() -> None:
    of = compiled().constants
    assert of.split.tolist() == [[30.0, 30.0]]
    assert of.service[:, 0].tolist() == [0.2, 0.01, 0.25, 12.0, 1.0, 2.0]


def test_without_services_the_blocks_are_empty() -> None:
    of = compiled(ancillary=[])
    assert of.constants.service.shape == (6, 0)
    assert of.constants.split.shape == (0, 2)
    assert of.layout.services == ()


def test_points_are_found_where_readings_bring_them() -> None:
    of = compiled()
    for column, asset in enumerate(("b1", "b2")):
        for row, name in enumerate(POINT_OF_ROW):
            index = int(of.places.assets[row, column])
            expected = f"{asset}.{name}" if f"{asset}.{name}" in of.layout.points else None
            assert (of.layout.points[index] if index >= 0 else None) == expected
        assert of.layout.points[of.places.assets[m.M_HEARTBEAT, column]] == f"{asset}.heartbeat"
    poc, _, poc_proof, frequency, _, proof = (int(i) for i in of.places.site)
    assert of.layout.points[poc] == "site.poc.power"
    assert of.layout.points[frequency] == "site.poc.frequency"
    assert of.layout.points[poc_proof] == of.layout.points[proof] == "site.poc.heartbeat"
    for point, device in enumerate(of.places.device_of_point):
        assert of.layout.points[point].startswith(list(of.layout.devices)[device])


@pytest.mark.safety
def test_a_service_with_a_meter_of_its_own_is_proven_by_that_meter() -> None:
    """A frequency meter that froze is no frequency, even beside a point of connection that is fine."""
    plain = site(1, fcr_kw=60.0)
    meters = {"poc": plain.site.meters["poc"], "grid": plain.site.meters["poc"]}
    fcr = plain.ancillary[0].fcr.model_copy(update={"frequency": "site.grid.frequency"})
    definition = plain.model_copy(
        update={
            "site": plain.site.model_copy(update={"meters": meters}),
            "ancillary": [plain.ancillary[0].model_copy(update={"fcr": fcr})],
        }
    )
    rig = Rig(definition)
    places = rig.compiled.places.site
    points = rig.compiled.layout.points
    assert points[places[3]] == "site.grid.frequency"
    assert points[places[5]] == "site.grid.heartbeat"

    def tick(beat: float) -> None:
        order = [name.removeprefix("site.grid.") for name in points if name.startswith("site.grid.")]
        said = {"power": 0.0, "frequency": 49.9, "heartbeat": beat}
        values = np.array([said[name] for name in order])
        rig.signal(Reading("site.grid", rig.now_s + 1.0, values, np.full(len(order), int(Quality.VALID))))
        rig.tick()

    for k in range(15):
        tick(float(k))
    assert rig.power == [pytest.approx(30.0, abs=0.2)]
    for _ in range(12):
        tick(15.0)
    assert rig.power == [0.0]
    assert rig.frame.site_code("poc_quality") == Quality.VALID


def test_without_a_meter_nothing_is_placed() -> None:
    plain = site(1)
    definition = plain.model_copy(update={"site": plain.site.model_copy(update={"meters": {}})})
    of = compile_definition(definition, {"b1": storage()})
    assert of.places.site.tolist() == [-1] * 6
    rig = Rig(definition).ready()
    rig.schedule("day_ahead", 50.0)
    rig.run(4)
    assert rig.power == [50.0]


def test_requests_keep_the_order_of_the_definition() -> None:
    assert [entry.id for entry in compiled().entries] == [
        "requests.commitment", "requests.intraday", "requests.day_ahead", "requests.idle",
    ]  # fmt: skip
    assert compiled().entries[-1].constant_kw == 0.0


def test_both_ends_of_the_graph() -> None:
    both = ends(compiled().definition)
    assert [end.id for end in both.writers] == ["b1.writer", "b2.writer"]
    assert {"b1", "b2", "site.poc"} <= {end.id for end in both.sources}
    assert {"alarms", "endpoint"} <= {end.id for end in both.outputs}


def test_every_process_has_stages_of_its_own_with_bits_of_their_own() -> None:
    of = compiled()
    one, other = (stages(of, lambda: 0.0, lambda *_: None) for _ in range(2))
    assert [stage.id for stage in one] == [
        "state_machine", "limits", "resolve", "ancillary", "constrain", "ramp", "command",
    ]  # fmt: skip
    assert [stage._bit for stage in one] == [2, 4, 8, 16, 32, 64, 128]
    assert not set(map(id, one)) & set(map(id, other))


# --- the log ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("LH-MON-001")
def test_the_log_says_every_change_of_state_once_with_its_reason() -> None:
    lines: list[Any] = []
    sink = logger.add(lambda message: lines.append(message.record), level="INFO", format="{message}")
    try:
        rig, chronicle = Rig(site()), Chronicle()

        def run(seconds: int) -> None:
            for _ in range(seconds):
                chronicle.offer(rig.tick())

        run(8)
        rig.schedule("day_ahead", 60.0)
        run(10)
        rig.batteries["b1"].alarms = 1.0
        run(5)
    finally:
        logger.remove(sink)
    told = [(line["extra"]["decision"], line["level"].name) for line in lines if "decision" in line["extra"]]
    assert [state for state, _ in told] == ["INIT", "STANDBY", "READY", "IDLE", "FAULT"]
    assert told[-1] == ("FAULT", "WARNING")
    last = lines[-1]["extra"]
    assert (last["asset"], last["component"]) == ("b1", "state_machine")
    assert "critical alarm" in last["reason"]


def test_an_operators_stop_is_a_warning() -> None:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["level"].name), level="INFO")
    try:
        rig, chronicle = Rig(site()).ready(), Chronicle()
        chronicle.offer(rig.tick())
        rig.act(ActKind.STOP)
        chronicle.offer(rig.tick())
    finally:
        logger.remove(sink)
    assert lines == ["INFO", "WARNING"]
