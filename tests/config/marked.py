"""Broken definitions with the place of the fault marked: «300» is where the caret must be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from config.source import Source

EXAMPLE = (Path(__file__).parents[2] / "config" / "examples" / "one-battery.yaml").read_text(encoding="utf-8")

PLANT = """\
version: 1
site:
  name: plant
  timezone: Europe/Berlin
  cycle: 1 s
  import_limit: 300 kW
  export_limit: 250 kW
  meters:
    poc: { profile: mqtt-meter, connect: broker, topic: plant/meter }
defaults:
  soc: { min: 10 %, max: 90 % }
  ramp: 50 kW/s
assets:
  one:
    profile: sunspec-storage
    connect: modbus-tcp://10.0.0.1:502/1
    rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }
  two:
    profile: mqtt-storage
    connect: broker
    topic: plant/two
    rated: { charge: 100 kW, discharge: 100 kW, energy: 200 kWh }
connections:
  broker: { url: "mqtt://${HOST:-127.0.0.1}:1883", user: ems, password: !secret mqtt_password }
  db: { url: "postgresql://db.lan:5432/ems" }
requests:
  - commitment: { from: broker, topic: plant/commitment, ttl: 20 min }
  - day_ahead: { from: broker, topic: plant/day-ahead, ttl: 26 h }
  - idle: 0 kW
ancillary:
  - fcr:
      capacity: 60 kW
      split: { one: 40 kW, two: 20 kW }
      frequency: site.poc.frequency
      insensitivity: 10 mHz
      max_age: 2 s
chain:
  snapshot: { require: [site.poc] }
  command: { valid_for: 3 s }
endpoint:
  listen: 127.0.0.1:8088
  tokens: { viewer: !secret viewer_token, operator: !secret operator_token }
outputs:
  history: { type: postgres, to: db }
  state: { type: mqtt, to: broker, topic: plant/state }
"""


@dataclass(frozen=True)
class Fault:
    """A piece of `PLANT`, what replaces it (with the fault between « and »), and the code that must come."""

    code: str
    old: str
    new: str
    message: str = ""

    def source(self) -> tuple[Source, tuple[int, int, int]]:
        """The broken text, and line, column, width of the fault in it."""
        assert PLANT.count(self.old) == 1, f"not exactly once in the plant: {self.old}"
        return marked(PLANT.replace(self.old, self.new))


def marked(text: str) -> tuple[Source, tuple[int, int, int]]:
    """`text` without its marks, and the place between them."""
    start = text.index("«")
    end = text.index("»") - 1
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return Source("site.yaml", text.replace("«", "").replace("»", "")), (line, column, end - start)
