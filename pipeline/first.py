"""`init`: a first definition of at most 35 lines, commented, with a passing test; the schema for editors beside it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from config.profile import Profile
from config.units import POWER, brief
from pipeline.console import as_json, fail, note, say
from pipeline.exits import Exit

SCHEMA = "bess-pipeline.schema.json"
_URLS = {"modbus": "modbus-tcp://10.0.0.11:502/1", "mqtt": "mqtt://10.0.0.10:1883"}

_TEXT = """\
# yaml-language-server: $schema=./bess-pipeline.schema.json
# `bess-pipeline check` it, then `test` it, then `run` it: as a shadow, which writes nothing, unless armed.
version: 1

site:
  name: {site}
  timezone: Europe/Berlin
  import_limit: 300 kW                  # at the point of connection; a number without a unit is an error
  export_limit: 200 kW
  max_load: 50 kW                       # assumed when the meter is not fresh
  meters:
    poc: {{ profile: grid-meter, connect: "modbus-tcp://10.0.0.12:502/1" }}

assets:                                 # only what stands here is ever commanded
  bess1:
    profile: {profile:<27} # `bess-pipeline profile list` shows the others
    connect: {connect}
{topic}    rated: {{ charge: {charge}, discharge: {discharge}, energy: 500 kWh }}
    soc:   {{ min: 10 %, max: 90 % }}
    ramp:  50 kW/s
{connections}
requests:                               # who may ask for power; the first with something to say wins
  - day_ahead: {{ from: endpoint, ttl: 26 h }}
  - idle: 0 kW
endpoint: {{ listen: "127.0.0.1:8088", anonymous_viewer: true }}

tests:                                  # in virtual time, against the real chain
  - name: the schedule is followed, and the export limit holds
    timeline: [ {{ at: 10 s, requests.day_ahead: {asked} }} ]
    expect:
      - {{ at: 40 s, bess1.command: {asked} }}
      - {{ always: "site.export <= 200 kW" }}
"""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("site.yaml"))
@click.option("--profile", default="sunspec-storage", show_default=True, help="The battery's device profile.")
@click.option("--connect", metavar="URL", help="Where the battery (or, on MQTT, its broker) is.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@as_json
def init(file: Path, profile: str, connect: str | None, *, force: bool, in_json: bool) -> None:
    """Write a first definition, commented, with one passing test and the schema for editors."""
    from config import catalogue
    from config.schema import definition_schema

    try:
        found = catalogue.profile(profile)
        text = first(found, connect, file.stem)
    except (catalogue.UnknownProfile, ValueError) as error:
        advice = getattr(error, "suggestion", "")
        fail(f"{error}{f'; {advice}' if advice else ''}", Exit.FAILED, in_json=in_json)
    schema = file.with_name(SCHEMA)
    if file.exists() and not force:
        fail(f"{file} exists already; --force overwrites it", Exit.FAILED, in_json=in_json)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        schema.write_text(json.dumps(definition_schema(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", Exit.FAILED, in_json=in_json)
    if in_json:
        say({"written": [str(file), str(schema)]})
        sys.exit(Exit.OK)
    note(f"written: {file}, {schema}\nnext:    bess-pipeline check {file}\n         bess-pipeline test {file}")


def first(profile: Profile, connect: str | None, name: str = "site") -> str:
    """The text of a first definition for a battery of this profile. Raises ValueError when it cannot be commanded."""
    if profile.kind != "storage" or profile.protocol not in _URLS:
        raise ValueError(f"`{profile.name}` describes a {profile.kind} on {profile.protocol}: nothing to command here")
    url = connect or _URLS[profile.protocol]
    mqtt = profile.protocol == "mqtt"
    ratings = profile.ratings
    charge, discharge = (ratings.charge, ratings.discharge) if ratings else (250.0, 250.0)
    return _TEXT.format(
        site=name if name.isidentifier() and name != "site" else "plant",
        profile=profile.name,
        connect="broker" if mqtt else url,
        topic="    topic: plant/bess1                  # the battery's own topic\n" if mqtt else "",
        charge=brief(charge, POWER),
        discharge=brief(discharge, POWER),
        connections=f'connections:\n  broker: {{ url: "{url}" }}\n' if mqtt else "",
        asked=brief(min(100.0, discharge), POWER),
    )
