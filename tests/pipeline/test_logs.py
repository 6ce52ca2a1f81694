"""Structured logs: fields, forms, and what never gets in."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from pipeline.logs import FIELDS, LONGEST_FIELD, Form, configure


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    before = logging.root.handlers, logging.root.level
    stream = io.StringIO()
    yield stream
    logger.remove()
    logging.root.handlers, logging.root.level = before


@pytest.mark.req("LH-MON-001")
def test_json_lines_carry_the_fields_and_no_other(out: io.StringIO) -> None:
    configure("json", stream=out)
    logger.bind(component="web", asset="bess1", decision="refused", reason="forbidden", secret="x").warning("no {}", 7)
    logger.info("plain")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first | {"time": ""} == {"time": "", "level": "WARNING", "component": "web", "asset": "bess1",
                                    "decision": "refused", "reason": "forbidden", "message": "no 7"}
    assert first["time"].endswith("Z")
    assert second["component"] == "pipeline"
    assert set(second) == {"time", "level", "component", "message"}


@pytest.mark.req("LH-MON-001")
def test_human_lines(out: io.StringIO) -> None:
    configure("human", stream=out)
    logger.bind(component="web", asset="bess1", reason="forbidden").warning("refused")
    assert out.getvalue().endswith(" WARNING  web bess1: refused  [reason=forbidden]\n")


@pytest.mark.req("LH-NF-009")
@pytest.mark.parametrize("form", ["json", "human"])
def test_nothing_from_outside_can_forge_a_line(out: io.StringIO, form: Form) -> None:
    configure(form, stream=out)
    logger.bind(reason="x\n2026 ERROR forged\x1b[2J" + "y" * 5000).info("{}", 'a\nb {"c":1} \x1b[31m' + "z" * 10_000)
    line = out.getvalue()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert len(line) < 4000 + LONGEST_FIELD + 500


@pytest.mark.req("LH-MON-001")
@pytest.mark.parametrize("form", ["json", "human"])
def test_a_trace_shows_lines_and_no_values(out: io.StringIO, form: Form) -> None:
    configure(form, stream=out)
    password = "hunter2-hunter2"
    try:
        _ = {"x": len(password)}["nowhere"]
    except KeyError:
        logger.bind(component="web").exception("failed")
    text = out.getvalue()
    assert "KeyError" in text
    assert "test_logs.py" in text
    assert password not in text


def test_libraries_come_out_in_the_same_form(out: io.StringIO) -> None:
    configure("json", stream=out)
    logging.getLogger("pymodbus.client").warning("lost %s", "plc")
    logging.getLogger("pymodbus.client").info("not wanted")
    logging.getLogger("gmqtt").error('{"a":1} {}')
    logging.getLogger("gmqtt").error("%d", "not a number")
    logging.getLogger("x").log(35, "own level")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["component"], line["message"]) for line in lines] == [
        ("pymodbus", "lost plc"), ("gmqtt", '{"a":1} {}'), ("gmqtt", "%d"), ("x", "own level")]


def test_levels_and_fields_are_closed(out: io.StringIO) -> None:
    configure("json", level="ERROR", stream=out)
    logger.warning("quiet")
    assert not out.getvalue()
    assert FIELDS == ("component", "asset", "decision", "reason")
