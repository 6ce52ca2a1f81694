from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import (
    APPARENT_POWER,
    DIMENSIONS,
    DURATION,
    ENERGY,
    FREQUENCY,
    PERCENT,
    PERCENT_RATE,
    POWER,
    RAMP,
    TEMPERATURE,
    Dimension,
    QuantityError,
    format_number,
    parse,
    show,
)

pytestmark = pytest.mark.req("LH-CONF-001")

NUMBERS = st.decimals(min_value=-(10**6), max_value=10**6, places=3, allow_nan=False, allow_infinity=False)
KINDS = st.sampled_from(DIMENSIONS)


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("250 kW", POWER, 250.0),
        ("250kW", POWER, 250.0),
        ("1.2 MW", POWER, 1200.0),
        ("500 W", POWER, 0.5),
        ("-5 kW", POWER, -5.0),
        ("1 MVA", APPARENT_POWER, 1000.0),
        ("1 MWh", ENERGY, 1000.0),
        ("100 ms", DURATION, 0.1),
        ("20 min", DURATION, 1200.0),
        ("26 h", DURATION, 93600.0),
        ("1.5 d", DURATION, 129600.0),
        ("10 mHz", FREQUENCY, 0.01),
        ("200 mHz", FREQUENCY, 0.2),
        ("10 %", PERCENT, 10.0),
        ("5 %/s", PERCENT_RATE, 5.0),
        ("50 kW/s", RAMP, 50.0),
        ("3 MW/min", RAMP, 50.0),
        ("-10 °C", TEMPERATURE, -10.0),
    ],
)
def test_a_number_and_a_unit_become_the_chains_unit_exactly(text: str, dimension: Dimension, value: float) -> None:
    assert parse(text, dimension) == value


@pytest.mark.parametrize(
    ("text", "dimension", "code", "advice"),
    [
        ("300", POWER, "E203", "`300 kW`"),
        ("0.1", PERCENT, "E203", "did you mean `10 %`?"),
        ("010 kW", POWER, "E203", "`10 kW`"),
        ("+3 kW", POWER, "E203", "`3 kW`"),
        ("1e3 kW", POWER, "E203", "`10 kW`"),
        ("1,000 kW", POWER, "E203", "decimal mark"),
        ("1_000 kW", POWER, "E203", ""),
        ("1 000 kW", POWER, "E203", ""),
        (".5 kW", POWER, "E203", ""),
        ("5. kW", POWER, "E203", ""),
        ("5  kW", POWER, "E203", ""),
        (" 5 kW", POWER, "E203", ""),
        ("5 kW ", POWER, "E203", ""),
        ("5\tkW", POWER, "E203", ""),
        ("５ kW", POWER, "E203", ""),
        ("nan kW", POWER, "E203", ""),
        ("inf kW", POWER, "E203", ""),
        ("--5 kW", POWER, "E203", ""),
        ("", POWER, "E203", ""),
        ("kW", POWER, "E203", ""),
        ("9" * 400 + " kW", POWER, "E203", "at most 18"),
        ("500 kWh", POWER, "E204", "`kW`"),
        ("3 s", POWER, "E204", "`kW`"),
        ("50 kW", RAMP, "E204", "`kW/s`"),
        ("250 kw", POWER, "E205", "`250 kW`"),
        ("250 KW", POWER, "E205", "`250 kW`"),
        ("5 m", DURATION, "E205", "`min`"),
        ("5 sec", DURATION, "E205", "`5 s`"),
        ("5 C", TEMPERATURE, "E205", "`5 °C`"),
        ("5 Min", DURATION, "E205", ""),
    ],
)
def test_what_is_not_a_quantity_is_refused_with_advice(text: str, dimension: Dimension, code: str, advice: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse(text, dimension)
    assert caught.value.code == code
    assert advice in caught.value.help


def test_a_milliwatt_is_never_guessed_to_be_a_megawatt() -> None:
    with pytest.raises(QuantityError) as caught:
        parse("250 mW", POWER)
    assert "did you mean" not in caught.value.help
    assert all(f"`{unit}`" in caught.value.help for unit in ("W", "kW", "MW"))


@given(NUMBERS, KINDS, st.data(), st.sampled_from(["", " "]))
def test_every_unit_scales_by_its_factor(number: object, kind: Dimension, data: st.DataObject, space: str) -> None:
    unit = data.draw(st.sampled_from(sorted(kind.units)))
    text = f"{number}{space}{unit}"
    assert parse(text, kind) == pytest.approx(float(str(number)) * float(kind.units[unit]), rel=1e-15, abs=1e-300)


@given(NUMBERS, KINDS)
def test_what_is_shown_reads_back(number: object, kind: Dimension) -> None:
    value = float(str(number))
    assert parse(show(value, kind), kind) == pytest.approx(value, abs=1e-9)


@given(st.text(max_size=40), KINDS)
def test_any_text_gives_a_finite_number_or_a_refusal(text: str, kind: Dimension) -> None:
    value, refusal = outcome(text, kind)
    if refusal is None:
        assert math.isfinite(value)
        assert any(text.endswith(unit) for unit in kind.units)
    else:
        assert refusal.code in {"E203", "E204", "E205"}
        assert refusal.message
        assert refusal.help


def outcome(text: str, kind: Dimension) -> tuple[float, QuantityError | None]:
    try:
        return parse(text, kind), None
    except QuantityError as refusal:
        return math.nan, refusal


def test_units_belong_to_one_dimension_only() -> None:
    units = [unit for dimension in DIMENSIONS for unit in dimension.units]
    assert len(units) == len(set(units))


def test_numbers_are_written_as_people_write_them() -> None:
    assert [format_number(value) for value in (250.0, 0.5, -10.0, 0.1 + 0.2, 0.0)] == ["250", "0.5", "-10", "0.3", "0"]
