from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config.diagnostics import render
from config.load import load_source
from config.plain import Surroundings
from config.source import Source
from pipeline.check import Checked, check, check_loaded
from tests.config.marked import PLANT, Fault

pytestmark = pytest.mark.req("LH-CONF-001", "LH-CONF-003", "LH-NF-009")

ROOT = Path(__file__).parents[2]
SEVERAL = ROOT / "config" / "examples" / "several-assets.yaml"
EXAMPLES = sorted(set((ROOT / "config" / "examples").glob("*.yaml")) - {SEVERAL})
TWO = "    connect: broker\n    topic: plant/two\n"
METER = "    poc: { profile: mqtt-meter, connect: broker, topic: plant/meter }\n"
COMMITMENT = "  - commitment: { from: broker, topic: plant/commitment, ttl: 20 min }\n"
DAY_AHEAD = "  - day_ahead: { from: broker, topic: plant/day-ahead, ttl: 26 h }\n"
DB = '  db: { url: "postgresql://db.lan:5432/ems" }\n'
LISTEN = "  listen: 127.0.0.1:8088\n"
TOKENS = "  tokens: { viewer: !secret viewer_token, operator: !secret operator_token }\n"
OUTPUT = "  state: { type: mqtt, to: broker, topic: plant/state }\n"
STATE = "topic: plant/state"
RATINGS = "{ charge: 200 kW, discharge: 300 kW, apparent: 300 kVA }"
PROFILE = f"profiles:\n  small: {{ extends: sunspec-storage, ratings: {RATINGS} }}\n"
ONE = "profile: sunspec-storage\n    connect: "
MODBUS = "    connect: modbus-tcp://10.0.0.1:502/1\n"
STORAGE = "profile: mqtt-storage\n    connect: broker\n"
LAST = f"{DAY_AHEAD}  - idle: 0 kW\n"
SOLD = "capacity: 60 kW\n      split: { one: 40 kW, two: 20 kW }"
FREQUENCY = "frequency: site.poc.frequency"
NEAREST = "did you mean `site.poc.frequency`?"

FAULTS = [
    # profiles and connections
    Fault("E501", "profile: sunspec-storage", "profile: «sunspec-storrage»", "did you mean `sunspec-storage`?"),
    Fault("E501", "profile: mqtt-meter", "profile: «mqtt-metre»", "did you mean `mqtt-meter`?"),
    Fault("E504", "profile: mqtt-storage", "profile: «mqtt-meter»", "describes a meter"),
    Fault("E504", METER, f"{METER}    pv: {{ profile: «mqtt-storage», connect: broker, topic: plant/pv }}\n"),
    Fault("E503", f"{ONE}modbus-tcp://10.0.0.1:502/1", f"{ONE}«mqtt://10.0.0.1»"),
    Fault("E503", TWO, "    connect: «modbus-tcp://10.0.0.2/1»\n    topic: plant/two\n", "speaks mqtt"),
    Fault("E503", TWO, "    connect: «db»\n    topic: plant/two\n"),
    Fault("E505", TWO, "    connect: «mqtt://10.0.0.7:1883»\n    topic: plant/two\n", "connections"),
    Fault("E505", DB, f"{DB}  gateway: {{ url: «modbus-tcp://10.0.0.9/1» }}\n"),
    Fault("E105", TWO, "    connect: «brocker»\n    topic: plant/two\n", "did you mean `broker`?"),
    Fault("E105", "broker, topic: plant/meter", "«brokers», topic: plant/meter", "did you mean `broker`?"),
    Fault("E507", f"  two:\n    {STORAGE}    topic: plant/two\n", f"  «two»:\n    {STORAGE}"),
    Fault("E507", MODBUS, f"{MODBUS}    «topic»: plant/one\n"),
    Fault("E507", MODBUS, f"{MODBUS}    «node»: ns=2\n"),
    # two devices that are one
    Fault("E312", METER, f"{METER}    pv: {{ profile: mqtt-meter, connect: broker, topic: «plant/meter» }}\n"),
    Fault("E312", METER, f"{METER}    pv: {{ profile: mqtt-meter, connect: broker, topic: «plant/two/pv» }}\n"),
    Fault("E312", METER, f"{METER}    pv: {{ profile: grid-meter, connect: «modbus-tcp://10.0.0.1/1» }}\n"),
    # bands and ratings
    Fault("E213", TWO, f"{TWO}    soc: {{ min: «90 %» }}\n"),
    Fault("E213", "  ramp: 50 kW/s", "  ramp: 50 kW/s\n  temperature: { min: «60 °C» }"),
    Fault("E213", "  ramp: 50 kW/s", "  ramp: 50 kW/s\n  temperature: { max: «-20 °C» }"),
    Fault("E213", "  one:\n", "  one:\n    min_power: { charge: «250 kW» }\n"),
    Fault("E213", "energy: 500 kWh }", "energy: 500 kWh, apparent: «200 kVA» }"),
    # freshness and watchdog
    Fault("E315", "  ramp: 50 kW/s", "  ramp: 50 kW/s\n  stale_after: «500 ms»"),
    Fault("E315", "topic: plant/meter }", "topic: plant/meter, stale_after: «1 s» }"),
    Fault("E315", "max_age: 2 s", "max_age: «500 ms»"),
    Fault("E314", "valid_for: 3 s", "valid_for: «1 s»"),
    Fault("E311", "valid_for: 3 s", "valid_for: «1 h»"),
    Fault("E311", "  one:\n", "  one:\n    write_budget: { per_second: «0.3» }\n", "too seldom"),
    Fault("E316", "  one:\n", "  one:\n    ramp: { stop: «1 kW/s» }\n"),
    # the site
    Fault("E309", "cycle: 1 s", "cycle: «500 ms»"),
    Fault("E309", "cycle: 1 s", "cycle: «200 ms»"),
    Fault("E105", "require: [site.poc]", "require: [site.poc, «site.pcc»]", "did you mean `site.poc`?"),
    # requests
    Fault(
        "E303", COMMITMENT + DAY_AHEAD, DAY_AHEAD + COMMITMENT.replace("commitment:", "«commitment»:"), "`day_ahead`"
    ),
    Fault("E303", DAY_AHEAD, f"{DAY_AHEAD}  - «intraday»: {{ from: broker, topic: a/b, ttl: 2 h }}\n"),
    Fault("E303", LAST, f"  - idle: 0 kW\n{DAY_AHEAD.replace('day_ahead', '«day_ahead»')}", "`idle`"),
    Fault("E107", DAY_AHEAD, f"{DAY_AHEAD}  - «day_ahead»: {{ from: broker, topic: a/b, ttl: 2 h }}\n"),
    Fault("E107", "topic: plant/day-ahead", "topic: «plant/commitment»"),
    Fault("E305", "  - idle: 0 kW\n", "", "has no `idle`"),
    Fault("E305", "  - idle: 0 kW", "  - idle: «5 kW»"),
    Fault("E105", "{ from: broker, topic: plant/day", "{ from: «brker», topic: plant/day", "did you mean `broker`?"),
    Fault("E105", "{ from: broker, topic: plant/day", "{ from: «one», topic: plant/day"),
    Fault("E105", "{ from: broker, topic: plant/day", "{ from: «mqtt://127.0.0.1», topic: plant/day"),
    Fault("E505", "{ from: broker, topic: plant/day", "{ from: «db», topic: plant/day"),
    Fault("E102", DAY_AHEAD, "  - «day_ahead»: { from: broker, ttl: 26 h }\n", "`topic` is missing"),
    Fault("E101", "topic: plant/day-ahead,", "topic: plant/day-ahead, «path»: a.csv,"),
    Fault("E101", "from: broker, topic: plant/day-ahead,", "from: endpoint, «topic»: plant/day-ahead,"),
    Fault("E302", "topic: plant/day-ahead", "topic: «plant/two/command»"),
    Fault("E302", "topic: plant/day-ahead", "topic: «plant/meter»"),
    # reserve
    Fault("E310", "insensitivity: 10 mHz", "insensitivity: 10 mHz\n      dead_band: «1 mHz»", "11 mHz"),
    Fault("E310", "insensitivity: 10 mHz", "insensitivity: «20 mHz»"),
    Fault("E506", FREQUENCY, "frequency: «site.pcc.frequency»", NEAREST),
    Fault("E506", FREQUENCY, "frequency: «one.frequency»"),
    Fault("E506", FREQUENCY, "frequency: «site.poc.power»"),
    Fault("E105", "split: { one: 40 kW, two: 20 kW }", "split: { one: 40 kW, «tow»: 20 kW }", "did you mean `two`?"),
    Fault("E218", "split: { one: 40 kW, two: 20 kW }", "split: «{» one: 40 kW, two: 30 kW }", "70 kW"),
    Fault("E313", SOLD, "capacity: 150 kW\n      split: { one: 30 kW, two: «120 kW» }"),
    Fault("E313", SOLD, "capacity: «351 kW»", "350 kW"),
    Fault("E313", "      max_age: 2 s", "      max_age: 2 s\n      energy: 5 h", "kWh"),
    Fault("E107", "chain:\n", "  - «fcr»: { capacity: 1 kW, frequency: site.poc.frequency, max_age: 2 s }\nchain:\n"),
    # outputs
    Fault("E105", "to: db }", "to: «data» }", "`broker`, `db`"),
    Fault("E105", "to: db }", "to: «postgresql://db.lan/ems» }"),
    Fault("E505", "to: db }", "to: «broker» }"),
    Fault("E505", "type: mqtt, to: broker", "type: mqtt, to: «db»"),
    Fault("E301", STATE, "topic: «plant/two»", "reaches the topic of `two`"),
    Fault("E301", STATE, "topic: «plant/two/command»"),
    Fault("E302", STATE, "topic: «plant/meter»"),
    Fault("E302", STATE, "topic: «plant/day-ahead»"),
    Fault("E107", OUTPUT, f"{OUTPUT}  zweite: {{ type: mqtt, to: broker, topic: «plant/state» }}\n"),
    Fault("E301", 'postgresql://db.lan:5432/ems" }', 'postgresql://10.0.0.1:502/ems" }', "reaches the device `one`"),
    # the endpoint
    Fault("E307", LISTEN, "  listen: «0.0.0.0:8088»\n", "needs TLS"),
    Fault("E307", LISTEN + TOKENS, "  listen: «0.0.0.0:8088»\n  behind_proxy: true\n", "needs tokens"),
    Fault("E307", LISTEN, '  listen: «"[::]:8088"»\n'),
    Fault("E307", LISTEN, "  listen: «plant.lan:8088»\n"),
    Fault("E308", LISTEN, "  listen: 0.0.0.0:8088\n  behind_proxy: true\n  anonymous_viewer: «true»\n"),
    # profiles of the definition
    Fault("E306", "profile: sunspec-storage", "profile: small", "200 kW"),
    Fault("E508", "chain:\n", "profiles:\n  mqtt-meter: «{» version: 2 }\nchain:\n"),
]


def checked(text: str) -> Checked:
    loaded = load_source(Source("site.yaml", text), Path("/nonexistent"), Surroundings(stub=True))
    return check_loaded(loaded, stub=True)


def prepared(fault: Fault) -> tuple[str, tuple[int, int] | None]:
    """The broken text and the place of its fault; None where the fault is found elsewhere than it was made."""
    if "«" in fault.new:
        source, (line, column, _) = fault.source()
        return source.text, (line, column)
    return PLANT.replace(fault.old, fault.new), None


ELSEWHERE = {
    ("E305", "  - idle: 0 kW\n"): "requests:",
    ("E313", "      max_age: 2 s"): "60 kW",
    ("E301", 'postgresql://db.lan:5432/ems" }'): "db }",
    ("E306", "profile: sunspec-storage"): "250 kW, discharge: 250 kW",
}


def elsewhere(fault: Fault, text: str) -> tuple[int, int]:
    start = text.index(ELSEWHERE[fault.code, fault.old])
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.code} {fault.new.strip()[:50]!r}")
@pytest.mark.hazard("peer 11")
def test_a_fault_is_named_at_its_place(fault: Fault) -> None:
    text, place = prepared(fault)
    if fault.code == "E306":
        text = text.replace("chain:\n", f"{PROFILE}chain:\n").replace("250 kW, discharge", "250 kW, discharge")
    found = checked(text)
    assert found.definition is None
    assert not found.ok
    problems = [p for p in found.diagnostics if p.severity == "error"]
    shown = [(p.code, p.span and (p.span.line, p.span.column)) for p in problems]
    assert set(shown) == {(fault.code, place or elsewhere(fault, text))}, render(found.diagnostics)
    assert fault.message in f"{problems[0].message} {problems[0].help}"


def test_there_are_enough_faults() -> None:
    assert len({(fault.old, fault.new) for fault in FAULTS}) == len(FAULTS) >= 60


@pytest.mark.parametrize("path", [*EXAMPLES, ROOT / "deploy" / "site.yaml"], ids=lambda path: path.name)
def test_what_ships_is_clean(path: Path) -> None:
    found = check(path, environment={}, env_stub=True)
    assert render(found.diagnostics) == ""
    assert found.ok
    assert set(found.profiles) == {"bess1", "site.poc"}


LATER = {
    "the limit of transformers",
    "a grid code",
    "the priority of active and reactive power",
    "the protocol `opc.tcp`",
    "the protocol `opcua`",
    "a security policy of OPC UA",
    "the limit `grid_operator`",
    "a request from a file",
    "the controller `peak_shaving`",
    "the controller `self_consumption`",
    "the check of the effect",
    "the alarm `soc_low`",
    "the alarm `no_answer`",
}


def test_what_this_version_does_not_act_on_is_named_and_nothing_else_is_wrong() -> None:
    found = check(SEVERAL, environment={}, env_stub=True)
    assert found.ok
    assert {(problem.code, problem.severity) for problem in found.diagnostics} == {("E111", "warning")}
    said = {problem.message.removesuffix(" is not acted on in this version") for problem in found.later}
    assert said <= LATER
    assert {problem.severity for problem in found.refused_to_run} == {"error"}
    assert set(found.profiles) == {"bess_a", "bess_b", "site.poc", "site.pv"}


def test_the_demo_takes_its_places_from_the_surroundings(tmp_path: Path) -> None:
    for role in ("viewer", "operator", "engineer"):
        (tmp_path / f"{role}_token").write_text(role * 8, encoding="utf-8")
    places = {
        "BROKER_URL": "mqtt://127.0.0.1:41883",
        "DATABASE_URL": "postgresql://postgres@/postgres?host=%2Ftmp%2Fsocket",
        "SIMULATOR_PORT": "45020",
        "PORT": "48088",
    }
    found = check(ROOT / "config/examples/demo.yaml", environment=places, secrets_dir=tmp_path)
    assert render(found.diagnostics) == ""
    assert found.definition is not None
    assert found.definition.assets["bess1"].connect == "modbus-tcp://127.0.0.1:45020/1"
    assert found.definition.connections["broker"].url == "mqtt://127.0.0.1:41883"
    assert found.definition.endpoint is not None
    assert found.definition.endpoint.listen == "127.0.0.1:48088"
    assert found.definition.endpoint.anonymous_viewer


def test_the_demos_differ_in_the_battery_only() -> None:
    texts = [
        (ROOT / "config/examples" / name).read_text(encoding="utf-8").splitlines()
        for name in ("demo.yaml", "mqtt.yaml", "opcua.yaml")
    ]
    modbus, mqtt, opcua = (set(lines[2:]) for lines in texts)
    assert opcua - modbus == {
        "    profile: opcua-ess",
        "    connect: ess",
        '    node: "ns=2;s=ESS"',
        '  ess:    { url: "opc.tcp://127.0.0.1:${SIMULATOR_PORT:-4840}" }   # plain: it never leaves this machine',
    }
    assert modbus ^ mqtt == {
        "    profile: sunspec-storage",
        '    connect: "modbus-tcp://${SIMULATOR_HOST:-127.0.0.1}:${SIMULATOR_PORT:-5020}/1"',
        "    profile: mqtt-storage",
        "    connect: broker",
        "    topic: demo/battery/bess1",
    }


def test_the_demo_holds_no_token() -> None:
    found = check(ROOT / "config/examples/demo.yaml", environment={})
    assert {problem.code for problem in found.diagnostics} == {"E209"}


def test_everything_is_reported_at_once_also_behind_errors_of_shape() -> None:
    text = PLANT.replace("cycle: 1 s", "cycel: 1 s").replace("profile: sunspec-storage", "profile: x")
    found = checked(text.replace(STATE, "topic: plant/two"))
    assert [problem.code for problem in found.diagnostics] == ["E101", "E501", "E301"]
    assert found.definition is None


def test_two_places_are_shown_for_a_problem_between_two_sections() -> None:
    (problem,) = checked(PLANT.replace(STATE, "topic: plant/two")).diagnostics
    assert problem.span is not None
    assert (problem.span.line, problem.related[0].span.line) == (45, 21)
    assert "the device's topic" in render([problem])


def test_a_limit_that_no_meter_watches_is_a_warning() -> None:
    text = PLANT.replace(f"  meters:\n{METER}", "").replace("[site.poc]", "[]")
    text = text[: text.index("ancillary:")] + text[text.index("chain:") :]
    found = checked(text)
    assert found.ok
    assert [(problem.code, problem.severity) for problem in found.diagnostics] == [("E318", "warning")] * 2


def test_nobody_can_look_is_a_warning() -> None:
    found = checked(PLANT.replace(TOKENS, ""))
    assert [(problem.code, problem.severity) for problem in found.diagnostics] == [("E307", "warning")]


@pytest.mark.req("LH-API-008")
def test_tokens_are_long_and_differ_by_role(tmp_path: Path) -> None:
    for name, text in {"mqtt_password": "x", "viewer_token": "geheim", "operator_token": "geheim"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    path = tmp_path / "site.yaml"
    path.write_text(PLANT, encoding="utf-8")
    found = check(path, environment={}, secrets_dir=tmp_path)
    assert [(p.code, p.severity) for p in found.diagnostics] == [
        ("E320", "error"),
        ("E319", "error"),
        ("E320", "error"),
    ]
    assert "geheim" not in render(found.diagnostics)


@pytest.mark.req("LH-API-008")
@pytest.mark.parametrize("door", ["  behind_proxy: true\n", "  tls: { certificate: !secret c, key: !secret k }\n"])
def test_a_door_to_elsewhere_may_be_open_with_tokens_and_encryption(door: str) -> None:
    assert checked(PLANT.replace(LISTEN, f"  listen: 0.0.0.0:8443\n{door}")).ok


def test_the_file_of_a_certificate_authority_is_there(tmp_path: Path) -> None:
    for name in ("mqtt_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(name * 4, encoding="utf-8")
    path = tmp_path / "site.yaml"
    path.write_text(PLANT.replace("user: ems,", f"user: ems, ca: {tmp_path}/ca.pem,"), encoding="utf-8")
    (problem,) = check(path, environment={}, secrets_dir=tmp_path).diagnostics
    assert problem.span is not None
    assert (problem.code, problem.span.line, problem.span.column) == ("E105", 24, 67)
    (tmp_path / "ca.pem").write_text("PEM", encoding="utf-8")
    (problem,) = check(path, environment={}, secrets_dir=tmp_path).diagnostics
    assert problem.code == "E321"


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    found = check(tmp_path / "missing.yaml")
    assert [problem.code for problem in found.diagnostics] == ["E001"]
    assert found.definition is None


def test_checking_compiles_nothing() -> None:
    program = "import sys, pipeline.check; sys.exit('numba' in sys.modules or 'reactivex' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
