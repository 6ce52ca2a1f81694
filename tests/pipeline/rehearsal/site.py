"""A definition of one battery for tests of tests: `outcomes(folder, "- name: …")` writes it and runs what is below."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from config.diagnostics import Diagnostic, errors
from pipeline.compile import compile_definition
from pipeline.rehearsal.files import Suite, gather
from pipeline.rehearsal.runner import Outcome, run

DEFINITION = """\
version: 1
site:
  name: nordhafen
  cycle: {cycle}
  import_limit: 300 kW
  export_limit: 250 kW
  max_load: 100 kW
  max_pv: 50 kW
  meters:
    poc: {{ profile: grid-meter, connect: "modbus-tcp://10.20.0.12:502/1" }}
    pv:  {{ profile: mqtt-meter, connect: broker, topic: nordhafen/pv }}
assets:
  bess1:
    profile: sunspec-storage
    connect: modbus-tcp://10.20.0.11:502/1
    rated: {{ charge: 250 kW, discharge: 250 kW, energy: 500 kWh }}
    soc:   {{ min: 10 %, max: 90 % }}
    ramp:  50 kW/s
    min_power: {{ charge: 5 kW, discharge: 5 kW }}
connections:
  broker: {{ url: "mqtts://broker.lan:8883" }}
requests:
  - commitment: {{ from: broker, topic: nordhafen/commitment, ttl: 20 min }}
  - day_ahead:  {{ from: broker, topic: nordhafen/day-ahead,  ttl: 26 h }}
  - idle:       0 kW
ancillary:
  - fcr: {{ capacity: 50 kW, frequency: site.poc.frequency, max_age: 2 s, on_loss: {{ hold: 2 s, then: withdraw }} }}
"""
FIRST = len(DEFINITION.splitlines()) + 2  # the line of the first test


def written(folder: Path, tests: str, cycle: str = "1 s") -> Path:
    path = folder / "site.yaml"
    block = indent(dedent(tests).strip("\n"), "  ")
    path.write_text(f"{DEFINITION.format(cycle=cycle)}tests:\n{block}\n", encoding="utf-8")
    return path


def suite(folder: Path, tests: str, cycle: str = "1 s") -> Suite:
    return next(iter(gather(written(folder, tests, cycle))))


def refusals(folder: Path, tests: str) -> list[Diagnostic]:
    return list(errors(suite(folder, tests).diagnostics))


def outcomes(folder: Path, tests: str, cycle: str = "1 s") -> list[Outcome]:
    made = suite(folder, tests, cycle)
    assert not errors(made.diagnostics), made.diagnostics
    assert made.definition is not None
    compiled = compile_definition(made.definition, made.profiles)
    return [run(script, compiled) for script in made.scripts]


def outcome(folder: Path, tests: str, cycle: str = "1 s") -> Outcome:
    (only,) = outcomes(folder, tests, cycle)
    return only


def got(outcome: Outcome) -> list[str]:
    """What was got where something else was expected."""
    return [failure.got for failure in outcome.failures]
