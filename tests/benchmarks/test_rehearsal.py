"""A day at 1 s as a test of a definition: the target is 10 s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compile import compile_definition
from pipeline.rehearsal.runner import Outcome, run
from tests.benchmarks.ledger import Ledger
from tests.pipeline.rehearsal.site import suite

DAY = """
- name: a day
  given: { bess1.soc: 50 % }
  timeline:
    - { at: 1 h,  requests.day_ahead: 60 kW, site.frequency: 49.98 Hz }
    - { at: 4 h,  requests.day_ahead: -60 kW, site.load: 40 kW }
    - { at: 12 h, requests.day_ahead: absent, site.frequency: 50.01 Hz }
  expect:
    - { at: 24 h, requests.day_ahead: unknown }
    - { always: "bess1.command <= bess1.discharge_limit" }
    - { always: "site.export <= 250 kW" }
    - { never: "bess1.soc < 9.9 %" }
"""


def test_a_day_at_1_s(benchmark: Any, ledger: Ledger, tmp_path: Path) -> None:
    made = suite(tmp_path, DAY)
    assert made.definition is not None
    compiled = compile_definition(made.definition, made.profiles)

    def day() -> Outcome:
        return run(made.scripts[0], compiled)

    outcome = benchmark.pedantic(day, rounds=2)
    assert outcome.passed
    assert outcome.ticks == 86_401
    seconds = float(benchmark.stats.stats.min)
    ledger.add("test of a definition: 24 h at 1 s, one battery", seconds, "s", 10.0,
               note=f"{seconds / outcome.ticks * 1e6:.0f} µs per tick")  # fmt: skip
