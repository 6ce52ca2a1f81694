"""Laws that every stage obeys, whatever it finds in its rows (design §9). `snapshot` is held to them in its own file.

A frame is drawn cell by cell (`tests.wild`): NaN, ∞, extremes and every code in every row, of it and of its past.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit.codes import Act, Authority, Condition
from jit.frame import Frame, Past
from jit.layout import Layout
from jit.twins import on_twins
from operators.stage import Stage
from pipeline.chain import stages
from pipeline.graph import Node, build
from tests.wild import BLOCKS, compiled, copy, wild

SITE = compiled(transforms=True)
#: The same rows: reactive power by the voltage, by requests, by active power.
SITES = (SITE, compiled(transforms=True, reactive="none"), compiled(transforms=True, reactive="cos_phi"))
CHAIN = stages(SITE, lambda: 0.0, lambda _stage, _error: None)
NODES: dict[str, Node] = {
    node.id: node for node in build(SITE.layout, ("signals",), CHAIN, ("writer",), ()) if node.stage is not None
}

every_stage = pytest.mark.parametrize("stage", CHAIN, ids=lambda stage: str(stage.id))
any_seed = st.integers(0, 2**32 - 1)
often = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rows_of(layout: Layout, block: str) -> list[str]:
    return [row.name for row in getattr(layout, block)]


def own(stage: Stage, block: str) -> list[int]:
    return [i for i, row in enumerate(getattr(SITE.layout, block)) if row.owner == stage.id]


def output(stage: Stage, frame: Frame) -> dict[str, bytes]:
    """The bytes of the rows that the stage owns."""
    return {
        rows_of(SITE.layout, block)[i]: getattr(frame, matrix)[i].tobytes()
        for matrix, block in BLOCKS
        for i in own(stage, block)
    }


def ran(stage: Stage, frame: Frame) -> Frame:
    with np.errstate(all="ignore"):
        stage.step(frame)
    return frame


@every_stage
def test_it_declares_to_write_what_the_layout_gives_it(stage: Stage) -> None:
    assert sorted(NODES[stage.id].writes) == sorted(stage.written(SITE.layout))


@every_stage
def test_it_reads_nothing_of_its_own_in_the_same_tick(stage: Stage) -> None:
    assert not set(NODES[stage.id].reads) & set(NODES[stage.id].writes)


@every_stage
@often
@given(seed=any_seed)
def test_it_is_deterministic(stage: Stage, seed: int) -> None:
    frame = wild(SITE, seed)
    assert output(stage, ran(stage, copy(frame))) == output(stage, ran(stage, copy(frame)))


@every_stage
@often
@given(seed=any_seed)
def test_it_writes_its_own_rows_and_nothing_else(stage: Stage, seed: int) -> None:
    frame = wild(SITE, seed)
    after = ran(stage, copy(frame))
    for matrix, block in BLOCKS:
        old, new = getattr(frame, matrix), getattr(after, matrix)
        for i in set(range(len(old))) - set(own(stage, block)):
            assert old[i].tobytes() == new[i].tobytes(), rows_of(SITE.layout, block)[i]
    assert frame.points.tobytes() == after.points.tobytes()
    assert frame.point_codes.tobytes() == after.point_codes.tobytes()


@pytest.mark.hazard("S10")
@every_stage
@often
@given(seed=any_seed)
def test_what_it_does_when_it_raises_stays_in_its_own_rows_and_arms_nobody(stage: Stage, seed: int) -> None:
    """Fail values and its bit; beyond them it may only silence, compiled as plain, whatever stands in any row."""
    frame = wild(SITE, seed, strange=0.7)
    failed, plain = copy(frame), copy(frame)
    stage.fail(failed)
    with on_twins():
        stage.fail(plain)
    for matrix, block in BLOCKS:
        assert getattr(failed, matrix).tobytes() == getattr(plain, matrix).tobytes()
        for i in set(range(len(getattr(SITE.layout, block)))) - set(own(stage, block)):
            if rows_of(SITE.layout, block)[i] != "fault":
                assert getattr(frame, matrix)[i].tobytes() == getattr(failed, matrix)[i].tobytes()
    armed = failed.codes[SITE.layout.code_index["authority"]] == Authority.ARMED
    was = frame.prior if stage.id == "state_machine" else frame
    assert not (armed & (was.codes[SITE.layout.code_index["authority"]] != Authority.ARMED)).any()


@every_stage
@often
@given(seed=any_seed)
def test_it_writes_every_row_of_its_own_whatever_stood_there(stage: Stage, seed: int) -> None:
    """Two kinds of rubbish in its own rows, one result: nothing is left unwritten and nothing is read back."""
    frame = wild(SITE, seed)
    one, other = copy(frame), copy(frame)
    for matrix, block in BLOCKS:
        for i in own(stage, block):
            getattr(one, matrix)[i] = 77
            getattr(other, matrix)[i] = -1234
    assert output(stage, ran(stage, one)) == output(stage, ran(stage, other))


def poisoned(frame: Frame, reads: set[str], before: set[str], rng: np.random.Generator) -> Frame:
    """The same frame with rubbish in every row that is not declared, in the frame and in its past."""
    past = frame.prior
    old = {matrix: getattr(past, matrix).copy() for matrix, _ in BLOCKS}
    new = copy(frame, before=Past(past.tick, **old))
    for matrix, block in BLOCKS:
        for i, name in enumerate(rows_of(frame.layout, block)):
            floats = old[matrix].dtype == np.float64
            if name not in reads:
                getattr(new, matrix)[i] = np.nan if floats else rng.integers(0, 2**40)
            if name not in before:
                old[matrix][i] = np.nan if floats else rng.integers(0, 2**40)
        old[matrix].flags.writeable = False
    new.points[:], new.point_codes[:] = np.nan, 99
    return new


@every_stage
@often
@given(seed=any_seed)
def test_it_reads_only_what_it_declares(stage: Stage, seed: int) -> None:
    node, frame = NODES[stage.id], wild(SITE, seed, strange=0.05)
    other = poisoned(frame, set(node.reads), set(node.before), np.random.default_rng(seed))
    assert output(stage, ran(stage, copy(frame))) == output(stage, ran(stage, other))


DECLARED = [
    (stage, name, where)
    for stage in CHAIN
    for where in ("reads", "before")
    for name in getattr(NODES[stage.id], where)
    if not name.endswith((".why", ".phase"))  # of a block that is declared whole
    and not (where == "before" and name.startswith("ancillary.") and not name.endswith((".given_kw", ".lost_s")))
]


def at_zero(frame: Frame) -> Frame:
    """0 kW was commanded and is confirmed: only then does it matter how near to it the measured power is."""
    rows, past = frame.layout.value_index, frame.prior
    values = past.values.copy()
    values[rows["command_kw"]] = frame.values[rows["written_kw"]] = 0.0
    frame.values[rows["power_kw"]] = 1.0
    values.flags.writeable = False
    return copy(frame, before=Past(past.tick, values, past.codes, past.site, past.site_codes))


def within_a_window(frame: Frame) -> Frame:
    """What a window has used matters only within it: the tick before stood in it, and some of it is left."""
    rows, past = frame.layout.site_value_index, frame.prior
    site = past.site.copy()
    for way in ("import", "export"):
        site[rows[f"mean_{way}_until_s"]], site[rows[f"mean_{way}_kws"]] = frame.utc_ns * 1e-9 - 1.0, 1000.0
    site.flags.writeable = False
    return copy(frame, before=Past(past.tick, past.values, past.codes, site, past.site_codes))


@pytest.mark.parametrize(("stage", "name", "where"), DECLARED, ids=lambda value: getattr(value, "id", str(value)))
def test_what_it_declares_to_read_matters_to_it(stage: Stage, name: str, where: str) -> None:
    """A declaration that nothing depends on would hide a row that is no longer looked at."""
    rng = np.random.default_rng(5)
    for seed in range(3000):
        frame = wild(SITES[seed % 7 % 3], seed, strange=0.02, healthy=(0.999, 0.95, 0.8, 0.5)[seed // 2 % 4])
        frame.values[SITE.layout.value_index["fresh_s"]] = 1000.0
        if seed // 2 % 4 == 0 and not name.endswith("_s"):
            for row in ("wrong_sign_s", "different_s"):
                frame.values[SITE.layout.value_index[row]] = 0.0
        if seed % 2:  # one of two permissions is enough: without the other one this one decides
            frame.codes[SITE.layout.code_index[("may_charge", "may_discharge")[seed // 2 % 2]]] = 1
            frame.codes[SITE.layout.code_index["conditions"]] |= int(Condition.FOLLOWS)
        if name.startswith("manual_"):
            frame.codes[SITE.layout.code_index["acts"]] = int(Act.MANUAL)
        if name in ("power_kw", "idle_s") and stage.id == "state_machine":
            frame = at_zero(frame)
        if name.endswith("_kws"):
            frame = within_a_window(frame)
        declared = {"reads": set(NODES[stage.id].reads), "before": set(NODES[stage.id].before)}
        declared[where].discard(name)
        other = poisoned(frame, declared["reads"], declared["before"], rng)
        whole = poisoned(frame, set(NODES[stage.id].reads), set(NODES[stage.id].before), rng)
        if output(stage, ran(stage, other)) != output(stage, ran(stage, whole)):
            return
    pytest.fail(f"{stage.id} declares {name} in {where} and nothing depends on it")


@every_stage
@often
@given(seed=any_seed)
def test_it_survives_anything_in_any_row(stage: Stage, seed: int) -> None:
    """No exception, and the past is as it was: the twins raise where compiled code would say nothing."""
    frame = wild(SITE, seed, strange=0.7)
    past = [getattr(frame.prior, matrix).tobytes() for matrix, _ in BLOCKS]
    with on_twins():
        stage.step(frame)
    assert past == [getattr(frame.prior, matrix).tobytes() for matrix, _ in BLOCKS]


@every_stage
@often
@given(seed=any_seed, strange=st.sampled_from([0.0, 0.2, 0.7]))
@pytest.mark.req("LH-ARCH-006", "LH-RISK-003")
def test_compiled_and_plain_are_equal_to_the_bit(stage: Stage, seed: int, strange: float) -> None:
    frame = wild(SITE, seed, strange)
    compiled_frame, plain_frame = ran(stage, copy(frame)).seal(), copy(frame)
    with on_twins():
        stage.step(plain_frame)
    plain_frame.seal()
    for matrix, _ in BLOCKS:
        assert getattr(compiled_frame, matrix).tobytes() == getattr(plain_frame, matrix).tobytes(), matrix


@every_stage
@often
@given(seed=any_seed, strange=st.sampled_from([0.0, 0.7]))
def test_the_columns_are_independent_of_where_a_battery_stands(stage: Stage, seed: int, strange: float) -> None:
    """With one battery alone nothing is shared: the same column gives the same rows in a site of one."""
    if stage.id in ("limits", "resolve", "ancillary", "constrain", "ramp", "command"):
        return  # these share a site; `state_machine` must not
    frame = wild(SITE, seed, strange)
    turned = copy(frame)
    past = frame.prior
    order = [2, 0, 1]
    turned.values[:], turned.codes[:] = frame.values[:, order], frame.codes[:, order]
    turned.constants = _turned(frame.constants, order)
    turned.before = Past(
        past.tick,
        np.ascontiguousarray(past.values[:, order]),
        np.ascontiguousarray(past.codes[:, order]),
        past.site,
        past.site_codes,
    )
    turned.before.values.flags.writeable = turned.before.codes.flags.writeable = False
    one, other = ran(stage, copy(frame)), ran(stage, turned)
    for i in own(stage, "values"):
        assert one.values[i, order].tobytes() == other.values[i].tobytes()
    for i in own(stage, "codes"):
        assert one.codes[i, order].tobytes() == other.codes[i].tobytes()


def _turned(constants: Any, order: list[int]) -> Any:
    return type(constants)(
        np.ascontiguousarray(constants.ratings[:, order]),
        np.ascontiguousarray(constants.masks[:, order]),
        constants.site,
        constants.service,
        np.ascontiguousarray(constants.split[:, order]),
        constants.shared,
        constants.grid,
        constants.curve,
        np.ascontiguousarray(constants.steps[:, order]),
    )
