"""`when:` taken apart: canonical points, the chain's own, those that only a profile knows."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from config.alarm import Watched, condition, is_own

pytestmark = pytest.mark.req("LH-CONF-001")

GOOD = {
    "soc below 12 %": Watched("soc", "below", 12.0),
    "temperature above 45 °C": Watched("temperature", "above", 45.0),
    "command above 1 MW": Watched("command", "above", 1000.0),
    "site.poc.frequency below 49.8 Hz": Watched("site.poc.frequency", "below", 49.8),
    "readback missing": Watched("readback", "missing"),
    "soc stale": Watched("soc", "stale"),
    "fans_failed above 2": Watched("fans_failed", "above", 2.0),
    "cell_max above 3.6 V": Watched("cell_max", "above", 3.6),
    "site.pv.irradiance_kw above 2 MW": Watched("site.pv.irradiance_kw", "above", 2000.0),
}


@pytest.mark.parametrize(("text", "parts"), GOOD.items(), ids=GOOD.keys())
def test_every_form(text: str, parts: Watched) -> None:
    assert condition(text) == parts


@pytest.mark.parametrize("text", ["soc", "soc < 3 %", "alarms above 3", "fans above many", "fans above 3 apples"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        condition(text)


def test_only_a_profile_knows_a_point_of_its_own() -> None:
    assert is_own("cell_max")
    assert is_own("site.pv.soc")
    assert not any(map(is_own, ("soc", "alarms", "readback", "site.poc.power")))
