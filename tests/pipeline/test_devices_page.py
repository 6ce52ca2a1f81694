"""The profile that docs/devices.md teaches with is one, decodes its own sample, and compiles as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.catalogue import load_profile
from config.profile import Profile
from config.source import Source
from pipeline.lint import lint
from sources.modbus.blocks import read_blocks, write_runs

PAGE = Path(__file__).parents[2] / "docs" / "devices.md"


def taught() -> Profile:
    block = re.search(r"```yaml\n(name: acme-rack\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    profile, problems = load_profile(Source("acme.yaml", block[1]))
    assert problems == []
    assert profile is not None
    return profile


@pytest.mark.req("LH-CONF-002", "LH-DOM-005")
def test_the_profile_of_the_page_decodes_its_sample() -> None:
    assert lint(taught()) == ()


@pytest.mark.req("LH-MODB-002")
def test_it_is_written_and_read_as_the_page_says() -> None:
    profile = taught()
    runs = write_runs(profile, profile.write_order)
    assert [[point.name for point in run.points] for run in runs] == [["unlock"], ["enable", "power"], ["heartbeat"]]
    assert [(run.address, run.cadence) for run in runs] == [(2000, "once"), (2100, "cyclic"), (2109, "cyclic")]
    assert all(block.count <= 2 for block in read_blocks(profile))
