"""Frames: sealed, stored, read back, carried to another layout."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit.codes import Latch, Permit
from jit.frame import MATRICES, Frame, Past, carry, first_past, from_bytes
from tests.wild import compiled, wild

SITE = compiled(assets=2)
NANS = (0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0x7FFFFFFFFFFFFFFF, 0xFFF0DEADBEEF0001)


def test_rows_by_name() -> None:
    frame = wild(SITE, 1)
    assert frame["command_kw"] is not None
    assert frame["command_kw"].tobytes() == frame.values[SITE.layout.value_index["command_kw"]].tobytes()
    assert frame["fault"].tobytes() == frame.codes[SITE.layout.code_index["fault"]].tobytes()
    frame.site[SITE.layout.site_value_index["total_kw"]] = 12.5
    frame.site_codes[SITE.layout.site_code_index["armed"]] = 2
    assert frame.at_site("total_kw") == 12.5
    assert frame.site_code("armed") == 2
    with pytest.raises(KeyError, match="no_such_row"):
        frame["no_such_row"]


def test_a_sealed_frame_is_read_only_and_has_no_past() -> None:
    frame = wild(SITE, 2)
    assert frame.prior is frame.before
    sealed = frame.seal()
    assert sealed is frame
    assert (sealed.sealed, sealed.before) == (True, None)
    with pytest.raises(RuntimeError, match=r"frame \d+ is sealed: it has no past"):
        _ = frame.prior
    for name in MATRICES:
        with pytest.raises(ValueError, match="read-only"):
            getattr(frame, name)[...] = 0


@pytest.mark.parametrize("bits", NANS, ids=hex)
def test_every_nan_is_one_nan_after_the_seal(bits: int) -> None:
    """Equal content has equal bytes, whatever bits an operation or a device left in a NaN."""
    odd = np.array([bits], np.uint64).view(np.float64)[0]
    assert odd != odd
    frame, plain = wild(SITE, 3, strange=0.0), wild(SITE, 3, strange=0.0)
    for one, value in ((frame, odd), (plain, np.nan)):
        one.values[4, 1] = value
        one.site[2] = value
        one.points[5] = value
    assert frame.seal().to_bytes() == plain.seal().to_bytes()


def test_zeros_and_infinities_stay_what_they_are() -> None:
    frame = wild(SITE, 4, strange=0.0)
    frame.values[0] = [0.0, -0.0]
    frame.values[1] = [np.inf, -np.inf]
    frame.seal()
    assert [str(value) for value in frame.values[:2].ravel()] == ["0.0", "-0.0", "inf", "-inf"]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), strange=st.sampled_from([0.0, 0.5]))
def test_what_is_stored_is_what_is_read(seed: int, strange: float) -> None:
    frame = wild(SITE, seed, strange).seal()
    stored = from_bytes(frame.to_bytes())
    assert stored.header["layout"] == SITE.layout.digest
    assert stored.header["tick"] == frame.tick
    for name in MATRICES:
        assert stored.matrices[name].tobytes() == getattr(frame, name).tobytes()
        assert stored.matrices[name].shape == getattr(frame, name).shape


def test_the_header_is_one_line_of_json_and_never_a_pickle() -> None:
    raw = wild(SITE, 5).seal().to_bytes()
    header = json.loads(raw.partition(b"\n")[0])
    assert header["assets"] == ["b1", "b2"]
    assert header["rows"][0] == "soc_pct"
    assert header["code_rows"][0] == "quality"


@pytest.mark.parametrize("raw", [b"", b"no line", b"{}"])
def test_without_a_header_line_it_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="no header line"):
        from_bytes(raw)


def test_a_torn_file_says_where() -> None:
    raw = wild(SITE, 6).seal().to_bytes()
    with pytest.raises(ValueError, match="torn in matrix 'point_codes'"):
        from_bytes(raw[:-1])
    header = raw.partition(b"\n")[0]
    with pytest.raises(ValueError, match="torn in matrix 'values'"):
        from_bytes(header + b"\n")


def test_the_past_of_a_frame_is_its_matrices_and_nothing_before() -> None:
    frame = wild(SITE, 7).seal()
    past = frame.past()
    assert past.tick == frame.tick
    assert past.values is frame.values
    assert past.site_codes is frame.site_codes
    assert not hasattr(past, "before")


def test_the_first_past_knows_nothing() -> None:
    past = first_past(SITE.layout)
    assert np.isnan(past.values).all()
    assert np.isnan(past.site).all()
    assert (past.codes == 0).all()
    assert (past.site_codes == 0).all()


# --- carry ------------------------------------------------------------------------------------------------------------


def latched(of: Frame, **rows: list[int]) -> Frame:
    for name, values in rows.items():
        of.codes[of.layout.code_index[name]] = values
    return of.seal()


def carried(frame: Frame, to: Past, names: tuple[str, ...]) -> dict[str, list[int]]:
    return {name: to.codes[SITE.layout.code_index[name]].tolist() for name in names}


ROWS = ("latch", "activated", "locked", "reentry")


@pytest.mark.safety
@pytest.mark.req("LH-SM-003")
def test_latches_are_carried_by_row_and_asset_and_nothing_else_is() -> None:
    frame = latched(wild(SITE, 8), latch=[Latch.ALARM, 0], activated=[Permit.YES, Permit.NO], locked=[Permit.NO, 0],
                    reentry=[0, Permit.YES])
    past, taken = carry(from_bytes(frame.to_bytes()), SITE.layout)
    assert carried(frame, past, ROWS) == {
        "latch": [Latch.ALARM, 0],
        "activated": [Permit.YES, Permit.NO],
        "locked": [Permit.NO, 0],
        "reentry": [0, Permit.YES],
    }
    assert set(taken) >= {"b1.latch", "b1.activated", "b2.activated", "b1.locked", "b2.reentry"}
    for rows, kept in ((SITE.layout.values, past.values), (SITE.layout.codes, past.codes)):
        for row, cells in zip(rows, kept, strict=True):
            if not row.latch:
                assert not np.nan_to_num(cells).any(), row.name
                assert not [name for name in taken if name.endswith(f".{row.name}")]


def test_an_asset_keeps_its_latch_in_another_column_and_a_new_one_starts_without() -> None:
    frame = latched(wild(SITE, 9), latch=[Latch.READBACK, Latch.ALARM])
    three = compiled(assets=3).layout
    layout = type(three)(**{**vars_of(three), "assets": ("b3", "b2", "b1")})
    past, _ = carry(from_bytes(frame.to_bytes()), layout)
    assert past.codes[layout.code_index["latch"]].tolist() == [0, Latch.ALARM, Latch.READBACK]


def test_a_row_that_the_stored_frame_does_not_have_starts_unknown() -> None:
    frame = latched(wild(SITE, 10), latch=[1, 1])
    raw = frame.to_bytes().replace(b'"latch"', b'"lutch"', 1)
    past, taken = carry(from_bytes(raw), SITE.layout)
    assert past.codes[SITE.layout.code_index["latch"]].tolist() == [0, 0]
    assert not [name for name in taken if name.endswith(".latch")]


def test_a_frame_of_an_earlier_version_still_gives_its_latches() -> None:
    frame = latched(wild(SITE, 10), latch=[1, 1])
    stored = from_bytes(frame.to_bytes())
    del stored.header["site_rows"]
    past, taken = carry(stored, SITE.layout)
    assert past.codes[SITE.layout.code_index["latch"]].tolist() == [1, 1]
    assert not set(taken) & {row.name for row in SITE.layout.site_values}


def vars_of(layout: object) -> dict[str, Any]:
    return {name: getattr(layout, name) for name in vars(type(layout))["__dataclass_fields__"]}
