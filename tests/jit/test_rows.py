"""The row numbers that kernels compile in, the names that people use, and the layout that ties them."""

from __future__ import annotations

import inspect
import re
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jit import constants, rows
from jit.arrange import build_layout
from jit.layout import Layout, Row
from jit.rows import CODE_ROWS, LIMITS, SITE_CODE_ROWS, SITE_VALUE_ROWS, VALUE_ROWS

BLOCKS = ((VALUE_ROWS, 0), (CODE_ROWS, 1), (SITE_VALUE_ROWS, 2), (SITE_CODE_ROWS, 3))


def constants_of(module: object, source: str) -> list[list[str]]:
    """The names of every `A, B, … = range(n)` in the module, in the order of the source."""
    return [
        re.findall(r"[A-Z][A-Z_0-9]+", found)
        for found in re.findall(r"^\(?\n?((?:[ A-Z_0-9,\n])+)\)? = (?:\(\n    )?range", source, re.MULTILINE)
    ]


@pytest.mark.parametrize(("block", "index"), BLOCKS, ids=("values", "codes", "site", "site_codes"))
def test_every_row_has_the_number_of_its_name(block: tuple[Row, ...], index: int) -> None:
    for number, row in enumerate(block):
        assert getattr(rows, row.name.upper()) == number, row.name


@pytest.mark.parametrize(("block", "index"), BLOCKS, ids=("values", "codes", "site", "site_codes"))
def test_no_number_is_left_without_a_row(block: tuple[Row, ...], index: int) -> None:
    """The unpacking of `range(n)` and the tables have the same length."""
    declared = constants_of(rows, inspect.getsource(rows))[index]
    assert declared == [row.name.upper() for row in block]


def test_limits_are_numbered_in_the_order_of_their_names() -> None:
    for number, name in enumerate(LIMITS):
        assert getattr(rows, f"L_{name.upper()}") == number
    assert len(LIMITS) == 16


def test_ratings_and_parameters_are_numbered_in_the_order_of_their_names() -> None:
    curves = 4 * constants.CURVE_ROWS
    for names in (constants.RATING_NAMES[:-curves], constants.SITE_NAMES, constants.SERVICE_NAMES):
        for number, name in enumerate(names):
            assert getattr(constants, name.upper()) == number, name
    for curve in constants.CURVES:  # the first of its rows has the curve's own name
        assert constants.RATING_NAMES[getattr(constants, curve.upper())] == f"{curve}_points"


def test_a_row_name_is_used_once() -> None:
    layout = site()
    blocks = (layout.values, layout.codes, layout.site_values, layout.site_codes)
    every = [row.name for block in blocks for row in block]
    assert len(every) == len(set(every))


def test_an_enumerated_row_starts_at_unknown() -> None:
    """In every enumeration a row names, 0 means unknown."""
    from jit import codes

    for row in (*CODE_ROWS, *SITE_CODE_ROWS):
        family = getattr(codes, row.unit, None)
        if family is not None and issubclass(family, IntEnum):
            assert family(0).name in {"UNKNOWN", "NONE"}, row.name


def site(**changes: object) -> Layout:
    given = {
        "assets": ("b1", "b2"),
        "requests": ("requests.day_ahead", "requests.idle"),
        "services": ("ancillary.fcr",),
        "points": ("b1.soc", "b2.soc", "site.poc.power"),
        "devices": {"b1": (0, 1), "b2": (1, 2), "site.poc": (2, 3)},
    }
    return build_layout(**(given | changes))  # type: ignore[arg-type]


def test_blocks_follow_each_other_where_the_kernels_look_for_them() -> None:
    layout = site()
    first, code_first, site_first = rows.request_rows()
    assert [row.name for row in layout.values[first : first + 2]] == [
        "requests.day_ahead.asked_kw",
        "requests.idle.asked_kw",
    ]
    assert layout.codes[code_first].name == "requests.day_ahead.why"
    assert layout.site_values[site_first].name == "requests.day_ahead.site_kw"
    first, code_first, site_first = rows.service_rows(layout)
    assert [row.name for row in layout.values[first : first + rows.SERVICE_ROWS]] == [
        f"ancillary.fcr.{name}" for name in ("capacity_kw", "asked_kw", "given_kw", "undeliverable_kw")
    ]
    assert layout.codes[code_first].name == "ancillary.fcr.phase"
    assert layout.site_values[site_first].name == "ancillary.fcr.lost_s"
    limit = rows.limit_row(layout)
    assert [row.name for row in layout.values[limit : limit + 2]] == ["limits.rating.low_kw", "limits.rating.high_kw"]
    assert len(layout.values) == limit + rows.LIMIT_ROWS * len(LIMITS)


def test_indices_by_name() -> None:
    layout = site()
    assert layout.value_index["command_kw"] == rows.COMMAND_KW
    assert layout.code_index["fault"] == rows.FAULT
    assert layout.site_value_index["total_kw"] == rows.TOTAL_KW
    assert layout.site_code_index["armed"] == rows.ARMED
    assert layout.point_index["site.poc.power"] == 2
    assert layout.column == {"b1": 0, "b2": 1}


DIFFERENT: dict[str, dict[str, object]] = {
    "an asset more": {"assets": ("b1", "b2", "b3")},
    "assets in another order": {"assets": ("b2", "b1")},
    "a request more": {"requests": ("requests.intraday", "requests.day_ahead", "requests.idle")},
    "priority turned": {"requests": ("requests.idle", "requests.day_ahead")},
    "no service": {"services": ()},
    "another point": {"points": ("b1.soc", "b2.soc", "site.poc.frequency")},
    "other spans": {"devices": {"b1": (0, 2), "b2": (2, 2), "site.poc": (2, 3)}},
}


@pytest.mark.parametrize("changes", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_a_frame_means_is_in_the_digest(changes: dict[str, object]) -> None:
    assert site(**changes).digest != site().digest


def test_the_digest_is_of_the_content_alone() -> None:
    assert site().digest == site().digest
    devices = {"site.poc": (2, 3), "b2": (1, 2), "b1": (0, 1)}
    assert site(devices=devices).digest == site().digest
    assert re.fullmatch(r"[0-9a-f]{64}", site().digest)


def test_a_unit_an_owner_and_a_fail_value_are_in_the_digest() -> None:
    layout = site()
    for changed in (
        Row("soc_pct", "1", "snapshot"),
        Row("soc_pct", "%", "limits"),
        Row("soc_pct", "%", "snapshot", "hold"),
        Row("soc_pct", "%", "snapshot", latch=True),
    ):
        other = Layout(**{**vars_of(layout), "values": (changed, *layout.values[1:])})
        assert other.digest != layout.digest, changed


def vars_of(layout: Layout) -> dict[str, Any]:
    return {name: getattr(layout, name) for name in Layout.__dataclass_fields__}


def test_constants_are_read_only_and_known_by_their_bytes() -> None:
    def build(charge: float) -> constants.Constants:
        ratings = np.ones((len(constants.RATING_NAMES), 1))
        ratings[constants.CHARGE_KW] = charge
        site, split = np.ones(len(constants.SITE_NAMES)), np.ones((0, 1))
        shared = constants.Shared.of(1)
        return constants.Constants(ratings, np.zeros((1, 1), np.int64), site, np.ones((6, 0)), split, shared)

    one = build(100.0)
    assert one.digest == build(100.0).digest != build(101.0).digest
    with pytest.raises(ValueError, match="read-only"):
        one.ratings[0, 0] = 1.0


def test_no_kernel_file_is_outside_of_the_compile_caches_key() -> None:
    """The cache is keyed by every file of the folder: a kernel elsewhere would be missed."""
    import jit.build

    folder = Path(jit.build.__file__).parent
    with_kernels = {path.name for path in folder.glob("*.py") if "@kernel" in path.read_text()}
    assert {"limits.py", "measure.py", "project.py", "resolve.py", "states.py"} <= with_kernels
    elsewhere = [p for p in folder.parent.glob("operators/*.py") if "@kernel" in p.read_text()]
    assert elsewhere == []
