"""JSON with one meaning, or an error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.strict_json import JsonError, read, shown

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_reads_what_json_says(value: object) -> None:
    assert read(json.dumps(value).encode(), 10**6) == value


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_garbage_is_a_value_or_a_json_error(payload: bytes | str) -> None:
    said = "a value"
    try:
        read(payload, 100)
    except JsonError as error:
        said = str(error)
    assert said
    assert said.isprintable()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON at line 1, column 1"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ('{"a": 1, "a": 2}', "the member 'a' appears twice"),
        ('{"b": {"a": 1, "c": 1, "a": 1}}', "the member 'a' appears twice"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
        ("9" * 5000, "too many digits"),
        ("[1,]", "not JSON"),
        ("{'a': 1}", "not JSON"),
        ("1 2", "not JSON"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b'"\xc3"', "not UTF-8 at byte 1"),
        (b" " * 1_000_001, "are more than the 1000000 allowed"),
    ],
)
def test_what_is_refused(text: bytes | str, reason: str) -> None:
    with pytest.raises(JsonError, match=reason.replace("(", "\\(")):
        read(text, 1_000_000)


@given(JSON)
def test_values_are_shown_in_one_short_line(value: object) -> None:
    text = shown(value)
    assert len(text) <= 40
    assert text.isprintable()
    assert text.isascii()


def test_a_number_of_any_length_is_shown() -> None:
    assert shown(10**6000) == "a very large number"


def test_a_member_that_appears_twice_among_many_is_found_in_one_pass() -> None:
    """One message with two hundred thousand members would else hold the loop, and with it the tick, for minutes."""
    text = "{" + ",".join(f'"{number}":0' for number in range(200_000)) + ',"199999":1}'
    with pytest.raises(JsonError, match="the member '199999' appears twice"):
        read(text, 10**7)
