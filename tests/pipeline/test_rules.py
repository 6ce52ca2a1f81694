"""The rules for what a site needs beyond batteries and meters: every fault is named at its place."""

from __future__ import annotations

import re
import ssl
import subprocess
from pathlib import Path

import pytest

from config.diagnostics import errors, render
from config.load import load_source
from config.plain import Surroundings
from config.source import Source
from pipeline.check import Checked, check, check_loaded
from tests.config.marked import PLANT, Fault

pytestmark = pytest.mark.req("LH-CONF-001", "LH-CONF-003", "LH-NF-009")

OUT = "outputs:\n"
IDLE = "  - idle: 0 kW\n"
METER = "    poc: { profile: mqtt-meter, connect: broker, topic: plant/meter }\n"
CEILING = "from: broker, topic: a/b, ttl: 5 min, direction: export, of: 800 kW, on_loss: { then: 60 % }"
INPUT = "inputs: { door: { connect: broker, topic: plant/door, active: high } }\n"
OPC = '  db: { url: "postgresql://db.lan:5432/ems" }\n'
SERVER = f'{OPC}  ess: {{ url: "opc.tcp://10.0.0.9:4840" }}\n'
TWO = "    profile: mqtt-storage\n    connect: broker\n    topic: plant/two\n"
STATE = "  state: { type: mqtt, to: broker, topic: plant/state }\n"
PUSH = "  cloud: { type: http, url: URL }\n"
BEAT = "heartbeat: { register: holding 2, type: uint16 }"
ACME = "profiles:\n  acme:\n    extends: sunspec-storage\n"
HALF = "register: holding 1, type: int16, offset: 0.5, unit: W"


def shaped(code: str, below: str, message: str = "") -> Fault:
    """A fault in a section of its own, before `outputs:`."""
    return Fault(code, OUT, f"{below}\n{OUT}", message)


FAULTS = [
    # transformers and names of assets
    Fault("E105", METER, f"{METER}  transformers: {{ t1: {{ limit: 1 MVA, feeds: [one, «tow»] }} }}\n", "`two`"),
    Fault("E204", METER, f"{METER}  transformers: {{ t1: {{ limit: «1 MW», feeds: [one] }} }}\n"),
    Fault("E102", METER, f"{METER}  transformers: {{ t1: {{ limit: 1 MVA, «feeds»: [] }} }}\n"),
    Fault("E104", METER, f"{METER}  grid_code: «vde-ar-n-4111»\n", "did you mean `vde-ar-n-4110`?"),
    Fault("E104", METER, f"{METER}  pq_priority: «pq»\n"),
    # live ceilings
    shaped("E304", "limits: [ { «grid_operator»: { from: broker, topic: a/b, direction: export, of: 800 kW,\n"
           "  on_loss: { then: 60 % } } } ]", "a limit from outside"),
    shaped("E105", f"limits: [ {{ grid_operator: {{ {CEILING.replace('broker', '«brok»')} }} }} ]", "`broker`"),
    shaped("E302", f"limits: [ {{ grid_operator: {{ {CEILING.replace('a/b', '«plant/meter»')} }} }} ]"),
    shaped("E107", f"limits: [ {{ grid_operator: {{ {CEILING.replace('a/b', '«plant/commitment»')} }} }} ]"),
    shaped("E107", f"limits:\n  - grid_operator: {{ {CEILING} }}\n"
           f"  - «grid_operator»: {{ {CEILING.replace('a/b', 'a/c')} }}", "limits the export twice"),
    shaped("E104", f"limits: [ {{ grid_operator: {{ {CEILING.replace('export', '«exports»')} }} }} ]"),
    shaped("E104", "limits: [ { «grid_operators»: {} } ]", "did you mean `grid_operator`?"),
    shaped("E102", f"limits: [ {{ «grid_operator»: {{ {CEILING.replace('topic: a/b, ', '')} }} }} ]"),
    # relief stands first, and needs the meter that it looks at
    Fault("E303", IDLE, f"  - «relief»: {{}}\n{IDLE}", "`relief` has priority over"),
    Fault("E202", "requests:\n", "requests:\n  - relief: { power: «0 kW» }\n"),
    # controllers and transforms
    Fault("E105", IDLE, f"  - self_consumption: {{ meter: «site.pcc» }}\n{IDLE}", "did you mean `site.poc`?"),
    Fault("E219", IDLE, f"  - self_consumption: {{ meter: «the meter» }}\n{IDLE}"),
    Fault("E102", IDLE, f"  - «peak_shaving»: {{ meter: site.poc }}\n{IDLE}", "`requests.peak_shaving`"),
    Fault("E303", IDLE, f"{IDLE}  - «target_soc»: {{ soc: 50 %, power: 20 kW }}\n", "`idle`"),
    Fault("E104", IDLE, f"  - self_consumption: {{ meter: site.poc, transform: [ {{ «averge»: 1 s }} ] }}\n{IDLE}"),
    Fault("E106", IDLE, f"  - self_consumption: {{ meter: site.poc, transform: [ «{{» }} ] }}\n{IDLE}"),
    Fault("E204", IDLE, f"  - self_consumption: {{ meter: site.poc, transform: [ {{ average: «1 kW» }} ] }}\n{IDLE}"),
    Fault("E101", "ttl: 26 h }", "ttl: 26 h, transform: [ { clamp: { charge: 5 kW, «up»: 5 kW } } ] }"),
    Fault("E103", "ttl: 26 h }", "ttl: 26 h, transform: «{» average: 1 s } }"),
    Fault("E206", "ttl: 26 h }", "ttl: 26 h, transform: [ { clamp: { charge: «-5 kW» } } ] }"),
    # digital signals
    shaped("E102", "inputs: { «door»: { connect: broker, topic: plant/door } }", "`active` is missing"),
    shaped("E105", "inputs: { door: { connect: «brokre», topic: a/b, active: high } }", "did you mean `broker`?"),
    shaped("E102", "inputs: { «door»: { connect: modbus-tcp://10.0.0.30/1, active: high } }", "`register`"),
    shaped("E507", "inputs: { door: { connect: broker, topic: a/b, «node»: x, active: high } }"),
    shaped("E302", "inputs: { door: { connect: broker, topic: «plant/two/door», active: low } }"),
    shaped("E202", "inputs: { door: { connect: modbus-tcp://10.0.0.30/1, register: «discret 4», active: low } }"),
    shaped("E105", f"{INPUT}interlocks: {{ fire: {{ input: «dor», then: stop }} }}", "did you mean `door`?"),
    shaped("E105", f"{INPUT}interlocks: {{ fire: {{ input: door, then: stop, assets: [«bess1»] }} }}"),
    shaped("E104", f"{INPUT}interlocks: {{ fire: {{ input: door, then: «start» }} }}"),
    # alarms
    shaped("E220", "alarms: { low: { when: «soc < 12 %», priority: low, response: x } }"),
    shaped("E204", "alarms: { low: { when: «soc below 12 kW», priority: low, response: x } }"),
    shaped("E203", "alarms: { low: { when: «soc below 12», priority: low, response: x } }"),
    shaped("E220", "alarms: { low: { when: «alarms above 3», priority: low, response: x } }"),
    shaped("E506", "alarms: { low: { when: «site.pcc.frequency above 50.2 Hz», priority: low, response: x } }"),
    shaped("E506", "alarms: { low: { when: «windspeed missing», priority: low, response: x } }"),
    shaped("E102", "alarms: { «low»: { when: soc missing, priority: low } }", "`response` is missing"),
    # start-up
    Fault("E506", "  one:\n", "  one:\n    start_sequence: [ { until: «contactor», within: 30 s } ]\n"),
    Fault("E506", "  one:\n", "  one:\n    start_sequence: [ { write: «close», until: available, within: 30 s } ]\n"),
    Fault("E511", "  one:\n", "  one:\n    start_sequence: [ { write: «enable», until: available, within: 30 s } ]\n"),
    Fault("E511", "  one:\n", "  one:\n    start_sequence: [ { until: «soc», within: 30 s } ]\n", "neither yes nor no"),
    Fault("E506", "  one:\n", "  one:\n    start_sequence: [ { until: remote, when: «fit», within: 30 s } ]\n"),
    Fault("E506", "  one:\n", "  one:\n    stop_sequence: [ { write: «open», until_not: available, within: 30 s } ]\n"),
    Fault("E506", "  one:\n", "  one:\n    stop_sequence: [ { until_not: «contactor», within: 30 s } ]\n"),
    Fault("E202", "  one:\n", "  one:\n    soc_dwell: { above: «110 %», at_most: 12 h }\n"),
    Fault("E202", "  one:\n", "  one:\n    write_budget: { per_day: «0» }\n"),
    # topics of one asset
    Fault("E507", TWO, f"{TWO}    «topics»: {{ command: plant/two/telemetry }}\n", "publishes its telemetry"),
    Fault("E507", "  one:\n", "  one:\n    «topics»: { telemetry: a/b }\n", "mean nothing"),
    Fault("E217", TWO, f"{TWO}    topics: {{ command: «a/#» }}\n"),
    Fault("E202", TWO, f"{TWO}    topics: {{ qos: {{ telemetry: «2» }} }}\n"),
    # points that are published
    Fault("E506", STATE, STATE.replace(" }", ", points: { «one.socc»: 1 s } }"), "did you mean `one.soc`?"),
    Fault("E506", STATE, STATE.replace(" }", ", points: { «site.poc.powers»: 1 s } }"), "mean `site.poc.power`?"),
    Fault("E506", STATE, STATE.replace(" }", ", points: { «site.pv.power»: 1 s } }"), "no point"),
    Fault("E203", STATE, STATE.replace(" }", ", points: { one.soc: «5» } }")),
    # OPC UA
    Fault("E221", f"  two:\n{TWO}", "  two:\n    profile: opcua-ess\n    connect: ess\n    node: «x»\n"),
    Fault("E221", f"  two:\n{TWO}", "  two:\n    profile: opcua-ess\n    connect: ess\n    node: «i=77»\n",
          "stand below"),
    Fault("E510", f"  two:\n{TWO}", "  two:\n    profile: opcua-ess\n    connect: ess\n    node: s=x\n"
          "    identity: { «model»: A-1 }\n", "cannot read the model"),
    # Modbus behind TLS
    Fault("E505", "modbus-tcp://10.0.0.1:502/1", "«modbus-tls://10.0.0.1:802/1»", "named under"),
    Fault("E505", "requests:\n", '  tls: { url: "modbus-tls://10.0.0.9/1", «user»: ems }\nrequests:\n', "signs in"),
    # which unit a device is
    Fault("E513", METER, '    poc: { profile: grid-meter, connect: «"modbus-tcp://10.0.0.7/1-4"» }\n'),
    shaped("E513", 'inputs: { door: { connect: «"modbus-tcp://10.0.0.7/1,2"», register: discrete 4, active: high } }'),
    Fault("E212", "modbus-tcp://10.0.0.1:502/1\n", "«modbus-tcp://10.0.0.1:502/1-40»\n"),
    Fault("E507", f"  two:\n{TWO}", "  «two»:\n    profile: opcua-ess\n    connect: ess\n", "needs `node`"),
    Fault("E503", TWO, "    profile: opcua-ess\n    connect: «broker»\n    node: s=x\n"),
    Fault("E307", STATE, "  state: { type: opcua_server, listen: «0.0.0.0:4841» }\n"),
    Fault("E107", STATE, "  state: { type: opcua_server, listen: «127.0.0.1:8088» }\n"),
    Fault("E307", STATE, "  state: { type: modbus_server, listen: «0.0.0.0:1502» }\n"),
    Fault("E216", STATE, "  state: { type: modbus_server, listen: 127.0.0.1:1502, clients: «[plant]» }\n"),
    Fault("E107", STATE, "  state: { type: modbus_server, listen: «127.0.0.1:8088» }\n"),
    Fault("E101", STATE, "  state: { type: opcua_server, listen: 127.0.0.1:4841, «to»: broker }\n"),
    # what is pushed
    Fault("E327", STATE, PUSH.replace("URL", '«"http://cloud.example/a"»')),
    Fault("E211", STATE, PUSH.replace("URL", '«"https://ems:pw@cloud.example/a"»')),
    Fault("E211", STATE, PUSH.replace("URL", '«"https://cloud.example/a?key=4711"»')),
    Fault("E212", STATE, PUSH.replace("URL", '«"mqtt://cloud.example"»')),
    Fault("E212", STATE, PUSH.replace("URL", '«"https://cloud.example/ä"»')),
    Fault("E506", STATE, PUSH.replace("URL", '"https://cloud.example", points: { «one.socc»: 1 min }')),
    Fault("E202", STATE, PUSH.replace("URL", '"https://cloud.example", quota: «10 kB»')),
    # the endpoint behind a proxy
    Fault("E308", "  tokens:", "  behind_proxy: true\n  anonymous_viewer: «true»\n  tokens:"),
    # tests
    shaped("E602", "tests: [ { name: x, expect: [ «{» one.command: 3 kW } ] } ]"),
    shaped("E602", "tests: [ { name: x, expect: [ «{» at: 3 s } ] } ]"),
    shaped("E602", 'tests: [ { name: x, expect: [ «{» at: 3 s, always: "one.soc > 3 %" } ] } ]'),
    shaped("E604", "tests: [ { name: x, expect: [ { always: «one.soc above 3» } ] } ]"),
    shaped("E102", "tests: [ { name: x, timeline: [ «{» one.soc: 3 % } ], expect: [ { always: one.soc > 3 % } ] } ]"),
    shaped("E107", "tests:\n  - { name: x, expect: [ { always: one.soc > 3 % } ] }\n"
           "  - { name: «x», expect: [ { always: one.soc > 3 % } ] }"),
    shaped("E004", "tests: [ { name: x, given: { one: { soc: 5 % }, «one.soc»: 6 % }, expect: [ {always: one.soc > 3 %}"
           " ] } ]"),
    # profiles of the definition
    shaped("E509", f"{ACME}    write: {{ power: «{{» {HALF} }}, {BEAT} }}"),
    shaped("E509", f"{ACME}    write: {{ power: {{ register: «input 1», type: int16, unit: kW }}, {BEAT} }}"),
    shaped("E509", f"{ACME}    read: {{ soc: {{ register: «holding 1120», type: uint32, unit: '%' }} }}"),
    shaped("E509", f"{ACME}    read: {{ soc: {{ register: holding 1120, type: uint16, unit: «kW» }} }}"),
    shaped("E509", f"{ACME}    fresh_by: «clock»"),
    shaped("E204", f"{ACME}    watchdog: {{ register: holding 9, reverts_after: «10 kW» }}"),
    shaped("E101", f"{ACME}    watchdog: {{ «reverts_to_kw»: 0 }}", "did you mean `reverts_to`?"),
]


def checked(text: str) -> Checked:
    loaded = load_source(Source("site.yaml", text), Path("/nonexistent"), Surroundings(stub=True))
    return check_loaded(loaded, stub=True)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.code} {fault.new.strip()[:60]!r}")
def test_a_fault_is_named_at_its_place(fault: Fault) -> None:
    fault = Fault(fault.code, fault.old, fault.new.replace(OPC, SERVER), fault.message)
    plant = PLANT.replace(OPC, SERVER)
    made = plant.replace(fault.old, fault.new, 1)
    start = made.index("«")
    place = (made.count("\n", 0, start) + 1, start - made.rfind("\n", 0, start))
    found = checked(made.replace("«", "").replace("»", ""))
    problems = errors(found.diagnostics)
    shown = {(p.code, p.span and (p.span.line, p.span.column)) for p in problems}
    assert shown == {(fault.code, place)}, render(found.diagnostics)
    assert fault.message in f"{problems[0].message} {problems[0].help}"


@pytest.mark.safety
@pytest.mark.req("LH-ZIEL-002", "LH-CONF-004")
@pytest.mark.parametrize("url", ["https://10.0.0.1/api", "https://10.1:8443", "https://10.0.0.1:502", "http://0x0a000001"])
def test_nothing_is_pushed_to_a_device_on_any_port(url: str) -> None:
    """A device's own web interface would be a way around the guards (S2)."""
    problems = errors(checked(PLANT.replace(STATE, PUSH.replace("URL", f'"{url}"'))).diagnostics)
    assert {problem.code for problem in problems} - {"E327"} == {"E301"}


@pytest.mark.parametrize("url", ["https://cloud.example/sites/n", "https://[2001:db8::1]:8443", "http://127.0.0.1:80/a"])
def test_a_server_of_its_own_is_pushed_to(url: str) -> None:
    found = checked(PLANT.replace(STATE, PUSH.replace("URL", f'"{url}", publish: [], points: {{ one.soc: 1 min }}')))
    assert found.ok, render(found.diagnostics)


@pytest.mark.req("LH-API-008")
def test_the_token_and_the_authority_of_a_push_can_be_used(tmp_path: Path) -> None:
    for name in ("mqtt_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(f"{name}-0123456789", encoding="utf-8")
    certificate(tmp_path, "web")
    (tmp_path / "bent").write_text("two\nlines", encoding="utf-8")
    path = tmp_path / "site.yaml"

    def found(token: str, ca: str) -> list[str]:
        push = PUSH.replace("URL", f'"https://cloud.example", token: !secret {token}, ca: {tmp_path}/{ca}')
        path.write_text(PLANT.replace(STATE, push), encoding="utf-8")
        return [p.code for p in check(path, environment={}, secrets_dir=tmp_path).diagnostics]

    assert found("viewer_token", "web_cert") == []
    assert found("bent", "web_cert") == ["E320"]
    assert found("viewer_token", "web_key") == ["E321"]


@pytest.mark.req("LH-OPCUA-005")
def test_who_vouches_for_an_opcua_server_and_who_signs_in_there_is_said(tmp_path: Path) -> None:
    for name in ("mqtt_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(f"{name}-0123456789", encoding="utf-8")
    certificate(tmp_path, "web")
    (tmp_path / "both").write_text("".join((tmp_path / f"web_{part}").read_text() for part in ("cert", "key")))
    path = tmp_path / "site.yaml"
    state = f"state_dir: {tmp_path}/state\n"

    def found(below: str, url: str = "opc.tcp://10.0.0.9:4840") -> list[tuple[str, str]]:
        text = PLANT.replace(OPC, f'{OPC}  ess: {{ url: "{url}", {below} }}\n')
        path.write_text(state + text, encoding="utf-8")
        return [(p.code, p.severity) for p in check(path, environment={}, secrets_dir=tmp_path).diagnostics]

    secured = "security: Basic256Sha256/Sign, certificate: !secret both"
    assert found(f"{secured}, ca: {tmp_path}/web_cert") == []
    assert found(secured) == [("E326", "warning")]  # the first certificate is trusted …
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "server-ess.der").write_bytes(b"kept")
    assert found(secured) == []  # … and no other is, once it is kept
    assert found("user_certificate: !secret both") == []
    assert found("user_certificate: !secret web_cert, user_key: !secret web_key") == []
    assert found("user_certificate: !secret web_cert") == [("E326", "warning")]
    assert found("user_certificate: !secret both, user: ems") == [("E326", "error")]
    assert found("user_key: !secret web_key") == [("E326", "error")]
    assert found("user_certificate: !secret both", "mqtt://10.0.0.9:1883") == [("E326", "error")]


def test_a_server_never_takes_the_address_of_a_device() -> None:
    text = PLANT.replace("modbus-tcp://10.0.0.1:502/1", "modbus-tcp://127.0.0.1:502/1")
    found = checked(text.replace(STATE, "  state: { type: opcua_server, listen: 127.0.0.1:502 }\n"))
    (problem,) = errors(found.diagnostics)
    assert (problem.code, len(problem.related)) == ("E301", 1)


@pytest.mark.safety
@pytest.mark.req("LH-MQTT-003", "LH-CONF-003")
@pytest.mark.parametrize(
    ("command", "code"), [("plant/state/two", "E301"), ("plant/commitment", "E302"), ("plant/meter", "E312")]
)
def test_a_whole_topic_of_an_asset_is_guarded_like_its_own_one(command: str, code: str) -> None:
    """No output reaches it, no request is read from it, no other device has it (S2)."""
    found = checked(PLANT.replace(TWO, f"{TWO}    topics: {{ command: {command} }}\n"))
    assert {problem.code for problem in errors(found.diagnostics)} == {code}


def test_a_device_whose_topics_are_all_whole_needs_no_other() -> None:
    topics = "telemetry: tele/two, command: cmnd/two, acknowledge: stat/two, qos: { telemetry: 0 }"
    found = checked(PLANT.replace("    topic: plant/two\n", f"    topics: {{ {topics} }}\n"))
    assert found.ok, render(found.diagnostics)


def test_everything_that_a_site_needs_is_checked_clean_but_for_what_is_later() -> None:
    text = PLANT.replace("  one:\n", "  one:\n    identity: { serial: A-1 }\n    write_budget: { per_day: 10 }\n"
                         "    soc_dwell: { above: 95 %, at_most: 12 h }\n"
                         "    start_sequence: [ { until: available, within: 30 s } ]\n")  # fmt: skip
    text = text.replace(OUT, f"{INPUT}interlocks: {{ fire: {{ input: door, then: stop, assets: [one] }} }}\n"
                        "time: { max_offset: 500 ms }\n" + OUT)  # fmt: skip
    found = checked(text)
    assert found.ok, render(found.diagnostics)
    assert {problem.code for problem in found.diagnostics} <= {"E111"}


def test_an_acme_rack_writes_what_it_lists_and_nothing_that_it_extends() -> None:
    text = (Path(__file__).parents[2] / "config/examples/several-assets.yaml").read_text(encoding="utf-8")
    acme = checked(text).profiles["bess_a"]
    assert acme.write_order == ["power", "heartbeat"] == list(acme.write)
    assert (acme.write["heartbeat"].register, acme.write["heartbeat"].type) == ("holding 2110", "uint16")
    assert acme.watchdog is not None
    assert (acme.watchdog.reverts_after, acme.watchdog.reverts_to_kw) == (10.0, 0.0)
    assert acme.read["soc"].sentinels == []
    assert acme.read["soh"].register == "holding 40297"
    assert acme.sample == {}


def certificate(folder: Path, name: str) -> None:
    """A certificate and its key, as `!secret` files."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-keyout", str(folder / f"{name}_key"), "-out", str(folder / f"{name}_cert")],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.mark.req("LH-API-008")
def test_a_certificate_that_does_not_fit_its_key_is_found_before_anything_runs(tmp_path: Path) -> None:
    for name in ("mqtt_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(f"{name}-0123456789", encoding="utf-8")
    certificate(tmp_path, "web")
    certificate(tmp_path, "other")
    path = tmp_path / "site.yaml"

    def found(certificate: str, key: str, ca: str = "web_cert") -> list[tuple[str, int]]:
        door = f"  tls: {{ certificate: !secret {certificate}, key: !secret {key} }}\n"
        text = PLANT.replace("user: ems,", f"user: ems, ca: {tmp_path}/{ca},")
        path.write_text(text.replace("  listen:", f"{door}  listen:"), encoding="utf-8")
        diagnostics = check(path, environment={}, secrets_dir=tmp_path).diagnostics
        return [(p.code, p.span.line if p.span else 0) for p in diagnostics]

    assert found("web_cert", "web_key") == []
    assert found("web_cert", "other_key") == [("E321", 41)]
    assert found("web_key", "web_cert") == [("E321", 41)]
    assert found("viewer_token", "web_key") == [("E321", 41)]
    assert found("web_cert", "web_key", ca="viewer_token") == [("E321", 24)]
    assert ssl.OPENSSL_VERSION


@pytest.mark.req("LH-API-008")
def test_a_client_certificate_fits_its_key_and_is_shown_over_tls_only(tmp_path: Path) -> None:
    for name in ("mqtt_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(f"{name}-0123456789", encoding="utf-8")
    certificate(tmp_path, "ems")
    certificate(tmp_path, "other")
    path = tmp_path / "site.yaml"

    def found(key: str, scheme: str = "mqtts") -> list[str]:
        shown = f"user: ems, certificate: !secret ems_cert, key: !secret {key},"
        text = re.sub(r"mqtts?://", f"{scheme}://", PLANT.replace("user: ems,", shown))
        path.write_text(text, encoding="utf-8")
        return [p.code for p in check(path, environment={}, secrets_dir=tmp_path).diagnostics]

    assert found("ems_key") == []
    assert found("other_key") == ["E321"]
    assert found("ems_key", "mqtt") == ["E321"]


def test_a_state_directory_below_a_file_is_found(tmp_path: Path) -> None:
    for name in ("mqtt_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(f"{name}-0123456789", encoding="utf-8")
    path = tmp_path / "site.yaml"
    path.write_text(f"{PLANT}state_dir: {tmp_path}/mqtt_password/var\n", encoding="utf-8")
    (problem,) = check(path, environment={}, secrets_dir=tmp_path).diagnostics
    assert problem.span is not None
    assert (problem.code, problem.span.line, problem.span.column) == ("E322", 46, 12)


@pytest.mark.req("LH-CONF-003", "LH-CONF-004")
def test_a_login_has_its_number_and_nothing_shows_it(tmp_path: Path) -> None:
    for name in ("mqtt_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(f"{name}-0123456789", encoding="utf-8")
    (tmp_path / "unlock").write_text("0xBEEF\n", encoding="utf-8")
    (tmp_path / "words").write_text("open sesame", encoding="utf-8")
    path = tmp_path / "site.yaml"
    base = "sunspec-storage"
    login = """\
    write:
      login: { register: holding 40320, type: uint16, secret: true, cadence: once }
      power: { register: holding 40249, type: int32, word_order: big, scale: 100, unit: W }
    write_order: [login, power]
    watchdog: { point: power, reverts_after: 10 s }
"""

    def found(password: str, profile: str = "acme", *, stub: bool = False) -> Checked:
        text = PLANT.replace(f"    profile: {base}\n", f"    profile: {profile}\n{password}")
        path.write_text(text.replace(OUT, f"{ACME}{login}{OUT}"), encoding="utf-8")
        return check(path, environment={}, secrets_dir=None if stub else tmp_path, env_stub=stub)

    def codes(checked: Checked) -> list[str]:
        return [p.code for p in errors(checked.diagnostics)]

    password = "    password: !secret unlock\n"
    assert codes(found(password)) == []
    assert codes(found(password, stub=True)) == []
    assert codes(found("")) == ["E512"]
    assert codes(found("    password: !secret words\n")) == ["E512"]
    assert codes(found(password, base)) == ["E512"]
    refused = found("    password: 48879\n")
    assert codes(refused) == ["E208"]
    for checked in (found(password), found("    password: !secret words\n"), refused):
        said = render(checked.diagnostics) + repr(checked.definition)
        assert not [secret for secret in ("48879", "BEEF", "sesame") if secret in said]
