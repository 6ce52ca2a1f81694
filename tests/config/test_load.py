from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostics import render
from config.load import Loaded, load, load_source
from config.plain import Surroundings
from config.source import Source
from tests.config.marked import EXAMPLE, PLANT, Fault

pytestmark = pytest.mark.req("LH-CONF-001", "LH-CONF-003")

STUB = Surroundings(stub=True)

RATED = "    rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }\n"
ONE = f"    profile: sunspec-storage\n    connect: modbus-tcp://10.0.0.1:502/1\n{RATED}"

FAULTS = [
    # a key that nobody knows
    Fault("E101", "  import_limit: 300 kW", "  «import_limt»: 300 kW", "did you mean `import_limit`?"),
    Fault("E101", "rated: { charge: 250 kW,", "rated: { «chargee»: 1 kW, charge: 250 kW,", "did you mean `charge`?"),
    Fault("E101", "assets:\n", "«asset»: {}\nassets:\n", "did you mean `assets`?"),
    Fault("E101", "  ramp: 50 kW/s", "  ramp: 50 kW/s\n  «profile»: x"),
    Fault("E101", "chain:\n", "chain:\n  «ramp»: { enabled: false }\n"),
    Fault("E101", "{ valid_for: 3 s }", "{ valid_for: 3 s, «enabled»: false }"),
    Fault("E101", "chain:\n", "chain:\n  «constrain»: { bypass: true }\n"),
    Fault("E101", "to: db }", "to: db, «inputs»: [resolve] }"),
    Fault("E101", "ttl: 26 h }", "ttl: 26 h, «device»: one }"),
    Fault(
        "E101",
        "    connect: broker\n    topic: plant/two\n",
        "    connect: broker\n    topic: plant/two\n    «chain»: {}\n",
    ),
    Fault("E101", "from: broker, topic: plant/day", "«from_»: broker, from: broker, topic: plant/day"),
    # something is missing
    Fault("E102", "version: 1\nsite:", "«s»ite:"),
    Fault("E102", f"  one:\n{ONE}", f"  «one»:\n{ONE.replace(RATED, '')}", "`rated` is missing in `assets.one`"),
    Fault("E102", "  one:\n", "  «empty»: { connect: broker, profile: mqtt-storage }\n  one:\n"),
    Fault("E102", "history: { type: postgres, to: db }", "«history»: { type: postgres }"),
    Fault("E102", "history: { type: postgres, to: db }", "«history»: { to: db }", "`type` is missing"),
    Fault("E102", 'db: { url: "postgresql://db.lan:5432/ems" }', "«db»: { user: ems }"),
    Fault(
        "E304",
        "  - day_ahead: { from: broker, topic: plant/day-ahead, ttl: 26 h }",
        "  - «day_ahead»: { from: broker, topic: a/b }",
    ),
    # another shape
    Fault("E103", "  ramp: 50 kW/s", "  ramp: 50 kW/s\n  «temperature»:"),
    Fault(
        "E103", "{ charge: 100 kW, discharge: 100 kW, energy: 200 kWh }", "«100 kW»", "expected a mapping, got a text"
    ),
    Fault("E103", "outputs:\n", "outputs:\n  more: «[» a, b ]\n"),
    Fault("E103", "{ require: [site.poc] }", "{ require: «site.poc» }", "expected a list"),
    Fault("E103", "  command: { valid_for: 3 s }", "  «command»:"),
    Fault("E103", "  snapshot: { require: [site.poc] }", "  snapshot: «~»"),
    Fault("E103", "  cycle: 1 s", "  cycle: «null»"),
    # a word that is not possible
    Fault("E104", "version: 1", "version: «2»"),
    Fault("E104", "version: 1", 'version: «"1"»'),
    Fault("E104", "type: mqtt,", "type: «mqt»,", "did you mean `mqtt`?"),
    Fault("E104", "to: db }", "to: db, publish: [snapshot, «decisions»] }", "did you mean `decision`?"),
    Fault("E104", "  - day_ahead:", "  - «dayahead»:", "did you mean `day_ahead`?"),
    Fault("E104", "  - fcr:", "  - «fcrr»:", "did you mean `fcr`?"),
    Fault("E104", "max_age: 2 s", "max_age: 2 s\n      on_loss: { then: «hold» }"),
    # one key per entry
    Fault("E106", "  - idle: 0 kW", "  - idle: 0 kW\n    «ttl»: 3 s"),
    Fault("E106", "  - idle: 0 kW", "  - idle: 0 kW\n  - «idle»"),
    Fault("E106", "  - idle: 0 kW", "  - idle: 0 kW\n  - «{»}"),
    # names
    Fault("E109", "  name: plant\n", '  name: «"plant 1"»\n'),
    Fault("E109", "  two:\n", "  «site»:\n"),
    Fault("E109", "  two:\n", "  «two.a»:\n"),
    Fault("E109", "  two:\n", "  «'../two'»:\n"),
    Fault("E109", "    connect: broker\n", "    connect: «the broker»\n"),
    # known, and not in this version
    Fault("E110", "  - fcr:", "  - «afrr»:"),
    Fault("E110", "  - idle: 0 kW", "  - «charge_from_pv»: { meter: site.poc }\n  - idle: 0 kW"),
    # types
    Fault("E201", "to: db }", "to: «5» }"),
    Fault("E201", "  listen: 127.0.0.1:8088", "  listen: 127.0.0.1:8088\n  behind_proxy: «'true'»"),
    Fault("E201", "  listen: 127.0.0.1:8088", "  listen: «8088»"),
    Fault("E201", "profile: mqtt-storage", "profile: «[»mqtt-storage]"),
    Fault("E201", "user: ems,", "user: «!secret ems»,"),
    # ranges
    Fault("E202", "max: 90 %", "max: «900 %»"),
    Fault("E202", "ttl: 20 min", "ttl: «0 s»"),
    Fault("E202", "energy: 500 kWh", "energy: «0 kWh»"),
    Fault("E202", "  ramp: 50 kW/s", "  ramp: «0 kW/s»"),
    Fault("E202", "  ramp: 50 kW/s", "  ramp: 50 kW/s\n  temperature: { min: «-273 °C» }"),
    Fault("E202", "      max_age: 2 s", "      max_age: 2 s\n      full_at: «2 Hz»"),
    Fault("E202", "  ramp: 50 kW/s", "  ramp: 50 kW/s\n  efficiency: { charge: «5 %» }"),
    # quantities
    Fault("E203", "import_limit: 300 kW", "import_limit: «300»", "`300 kW`"),
    Fault("E203", "min: 10 %", "min: «0.1»", "`10 %`"),
    Fault("E203", "  cycle: 1 s", "  cycle: «1»"),
    Fault("E203", "  ramp: 50 kW/s", "  ramp: «fast»"),
    Fault("E203", "  ramp: 50 kW/s", "  ramp: { up: 5 kW/s, down: «true» }"),
    Fault("E203", "  ramp: 50 kW/s", "  ramp: { up: 5 kW/s, down: 5 kW/s, stop: «now» }"),
    Fault("E203", "energy: 200 kWh", "energy: «[»200 kWh]"),
    Fault("E203", "import_limit: 300 kW", "import_limit: «!secret limit»"),
    Fault("E203", "  - idle: 0 kW", "  - idle: «0»"),
    Fault("E204", "energy: 200 kWh", "energy: «200 kW»", "energy"),
    Fault("E204", "  ramp: 50 kW/s", "  ramp: «50 kW»"),
    Fault("E204", "ttl: 26 h", "ttl: «26 kW»"),
    Fault("E205", "import_limit: 300 kW", "import_limit: «300 kw»", "did you mean `300 kW`"),
    Fault("E205", "  ramp: 50 kW/s", "  ramp: «50 kw/s»"),
    Fault("E205", "ttl: 20 min", "ttl: «20 m»", "`min`"),
    Fault("E206", "export_limit: 250 kW", "export_limit: «-250 kW»"),
    Fault("E206", "charge: 100 kW, d", "charge: «-100 kW», d"),
    # secrets and variables
    Fault("E208", "password: !secret mqtt_password", "password: «hunter2»"),
    Fault("E208", "viewer: !secret viewer_token", "viewer: «12345»"),
    Fault("E209", "!secret mqtt_password", "«!secret ../../etc/passwd»"),
    Fault("E209", "!secret mqtt_password", "«!secret .»"),
    Fault("E210", "import_limit: 300 kW", "import_limit: '«${»LIMIT:-300 kW}'"),
    Fault("E210", "profile: mqtt-storage", "profile: '«${»P:-mqtt-storage}'"),
    Fault("E210", "{ valid_for: 3 s }", "{ valid_for: '«${»V:-3 s}' }"),
    Fault("E214", "topic: plant/two", "topic: plant/«${»two"),
    Fault("E214", "topic: plant/two", "topic: 'plant/«${»}'"),
    # addresses
    Fault("E211", '"postgresql://db.lan:5432/ems"', "«postgresql://ems:pw@db.lan/ems»"),
    Fault("E211", '"postgresql://db.lan:5432/ems"', "«postgresql://db.lan/ems?password=pw»"),
    Fault("E212", "modbus-tcp://10.0.0.1:502/1", "«modbus-tcp://10.0.0.1:502»"),
    Fault("E212", "modbus-tcp://10.0.0.1:502/1", "«modbus-tcp://10.0.0.1:502/248»"),
    Fault("E212", "modbus-tcp://10.0.0.1:502/1", "«modbus-tcp://10.0.0.1:70000/1»"),
    Fault("E212", "modbus-tcp://10.0.0.1:502/1", "«modbus-tcp://:502/1»"),
    Fault("E212", "modbus-tcp://10.0.0.1:502/1", "«http://10.0.0.1/1»"),
    Fault("E212", '"postgresql://db.lan:5432/ems"', "«postgresql://db.lan:5432»"),
    Fault("E212", '"postgresql://db.lan:5432/ems"', "«mqtt://broker/topic»"),
    Fault("E215", "Europe/Berlin", "«Europe/Bonn»"),
    Fault("E215", "Europe/Berlin", "«../../etc/localtime»"),
    Fault("E216", "listen: 127.0.0.1:8088", "listen: «127.0.0.1»"),
    Fault("E216", "listen: 127.0.0.1:8088", "listen: «127.0.0.1:99999»"),
    Fault("E217", "topic: plant/two", "topic: «plant/#»"),
    Fault("E217", "topic: plant/two", "topic: «/plant/two»"),
    Fault("E217", "topic: plant/two", "topic: «plant two»"),
    Fault("E217", "topic: plant/two", "topic: «$SYS/two»"),
    # YAML
    Fault("E004", "  export_limit: 250 kW", "  export_limit: 250 kW\n  «import_limit»: 900 kW"),
    Fault("E005", "  cycle: 1 s", "  cycle: «1:30»"),
    Fault("E008", "  cycle: 1 s", "  cycle: «!!str» 1 s"),
    Fault(
        "E012",
        "  meters:\n    poc: { profile: mqtt-meter, connect: broker, topic: plant/meter }",
        "  meters: «!include ../x.yaml»",
    ),
]


def loaded(source: Source) -> Loaded:
    return load_source(source, Path("/nonexistent"), STUB)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.code} {fault.new.strip()[:50]!r}")
def test_a_fault_is_named_at_its_place(fault: Fault) -> None:
    source, (line, column, _) = fault.source()
    found = loaded(source)
    assert found.definition is None
    shown = [(p.code, p.span and (p.span.line, p.span.column)) for p in found.diagnostics]
    assert shown == [(fault.code, (line, column))], render(found.diagnostics)
    (problem,) = found.diagnostics
    assert fault.message in f"{problem.message} {problem.help}"


def test_there_are_enough_faults() -> None:
    assert len({(fault.old, fault.new) for fault in FAULTS}) == len(FAULTS) >= 60


def test_the_plant_itself_and_the_example_load() -> None:
    for text in (PLANT, EXAMPLE):
        found = loaded(Source("site.yaml", text))
        assert render(found.diagnostics) == ""
        assert found.definition is not None


def test_quantities_arrive_in_chain_units_and_defaults_stand_below_assets() -> None:
    text = PLANT.replace("  two:\n", "  two:\n    soc: { min: 15 % }\n    ramp: { up: 600 kW/min, stop: at_once }\n")
    definition = loaded(Source("site.yaml", text)).definition
    assert definition is not None
    one, two = definition.assets["one"], definition.assets["two"]
    assert (definition.site.import_limit, definition.requests[0].schedule and definition.requests[0].schedule.ttl) == (
        300,
        1200,
    )
    assert (one.soc.min, two.soc.min, two.soc.max) == (10, 15, 90)
    assert (one.ramp.up, one.ramp.down, one.ramp.stop) == (50, 50, None)
    assert (two.ramp.up, two.ramp.down, two.ramp.stop) == (10, 50, None)


def test_requests_keep_their_order_and_shape() -> None:
    definition = loaded(Source("site.yaml", PLANT)).definition
    assert definition is not None
    assert [request.kind for request in definition.requests] == ["commitment", "day_ahead", "idle"]
    assert definition.requests[1].schedule is not None
    assert definition.requests[1].schedule.from_ == "broker"
    assert definition.requests[2].power == 0.0


def test_x_keys_are_left_out_at_any_level_and_hold_anchors() -> None:
    text = PLANT.replace("version: 1\n", "version: 1\nx-soc: &soc { min: 20 %, max: 80 % }\n").replace(
        "soc: { min: 10 %, max: 90 % }", "soc: *soc\n  x-note: [1, ~]"
    )
    definition = loaded(Source("site.yaml", text)).definition
    assert definition is not None
    assert definition.assets["one"].soc.max == 80


def test_one_problem_below_defaults_is_said_once() -> None:
    found = loaded(Source("site.yaml", PLANT.replace("min: 10 %", "min: 10")))
    assert [problem.code for problem in found.diagnostics] == ["E203"]


def test_everything_wrong_is_said_at_once_and_in_order() -> None:
    text = PLANT.replace("300 kW", "300").replace("version: 1", "version: 3").replace("type: mqtt,", "type: mqqt,")
    found = loaded(Source("site.yaml", text))
    assert [problem.code for problem in found.diagnostics] == ["E104", "E203", "E104"]
    assert [problem.span.line for problem in found.diagnostics if problem.span] == sorted(
        problem.span.line for problem in found.diagnostics if problem.span
    )


def test_a_file_with_errors_still_gives_a_draft_to_check() -> None:
    found = loaded(Source("site.yaml", PLANT.replace("max_age: 2 s", "max_age: 2").replace("cycle: 1 s", "cicle: 1 s")))
    assert found.definition is None
    assert found.draft is not None
    assert found.draft.ancillary[0].fcr.max_age == 1.0


def test_the_places_of_values_are_kept() -> None:
    found = loaded(Source("site.yaml", PLANT))
    key, value = found.key("assets", "one", "rated", "energy"), found.value("assets", "one", "rated", "energy")
    assert (key.line, key.column, value.column, value.width) == (17, 49, 57, 7)
    assert found.key("assets", "one", "stale_after").line == 14
    assert found.value("requests", 1, "schedule", "ttl").line == 28
    assert found.value("assets", "two", "soc", "min").line == 11


def test_a_definition_survives_being_dumped() -> None:
    definition = loaded(Source("site.yaml", PLANT.replace(", password: !secret mqtt_password", ""))).definition
    assert definition is not None
    bare = definition.model_copy(update={"endpoint": None})
    assert type(definition).model_validate(bare.model_dump(by_alias=True)) == bare


def test_load_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(PLANT, encoding="utf-8")
    found = load(path, env_stub=True)
    assert found.definition is not None
    missing = load(tmp_path / "other.yaml", env_stub=True)
    assert [problem.code for problem in missing.diagnostics] == ["E001"]
    assert missing.definition is None


@pytest.mark.parametrize("text", ["- a\n- b\n", "just a text\n", "7\n", "~\n", "!secret x\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    found = loaded(Source("site.yaml", text))
    assert [problem.code for problem in found.diagnostics] == ["E103"]
