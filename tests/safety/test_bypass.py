"""Attempts to reach a device around the guards by what is written in a definition: none succeeds.

Each attempt is a change of a whole definition by somebody who may write anything in the file. Either `check` refuses
it, with the message that stands beside it here, or it is accepted because it changes nothing: then the graph is the
same.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from config.chain import STAGES
from config.diagnostics import render
from pipeline.run import graph_of
from tests.config.marked import PLANT
from tests.pipeline.test_check import checked

pytestmark = pytest.mark.req("LH-ZIEL-002", "LH-CONF-003", "LH-RISK-001", "LH-MQTT-003")

CHAIN = "chain:\n  snapshot: { require: [site.poc] }\n  command: { valid_for: 3 s }\n"
STATE = "  state: { type: mqtt, to: broker, topic: plant/state }\n"
TOPIC = "topic: plant/state"
DAY_AHEAD = "  - day_ahead: { from: broker, topic: plant/day-ahead, ttl: 26 h }\n"
DB = '"postgresql://db.lan:5432/ems"'
TWO = "  two:\n    profile: mqtt-storage\n    connect: broker\n    topic: plant/two\n"
SPLIT = "split: { one: 40 kW, two: 20 kW }"
RATED = "    rated: { charge: 100 kW, discharge: 100 kW, energy: 200 kWh }\n"
PROFILE = "profiles:\n  own: {{ extends: mqtt-storage, {} }}\nchain:\n"
DEVICE = "this output reaches the topic of `two`"
READ = "this output reaches the topic of "
ONE_DEVICE = "are the same device"


@dataclass(frozen=True)
class Attempt:
    """What is replaced by what, and the code and words of the refusal."""

    name: str
    changes: tuple[tuple[str, str], ...]
    code: str
    words: str


def attempt(name: str, old: str, new: str, code: str, words: str) -> Attempt:
    return Attempt(name, ((old, new),), code, words)


def no_key(key: str) -> str:
    return f"`{key}` is not a key here"


def chain(name: str, text: str, code: str, words: str) -> Attempt:
    return attempt(name, CHAIN, f"chain:{text}\n", code, words)


def output(text: str, code: str, words: str) -> Attempt:
    return attempt(f"an output with {text}", TOPIC, f"{TOPIC}, {text}", code, words)


def topic(text: str, code: str, words: str) -> Attempt:
    return attempt(f"an output on {text}", TOPIC, f'topic: "{text}"', code, words)


def database(url: str, code: str = "E301", words: str = "this output reaches the device `one`") -> Attempt:
    return attempt(f"an output to {url}", DB, f'"{url}"', code, words)


def twin(host: str) -> Attempt:
    """A second asset at the address of the first, spelled another way."""
    new = f'  two:\n    profile: sunspec-storage\n    connect: "modbus-tcp://{host}/1"\n'
    return attempt(f"the device of another asset at {host}", TWO, new, "E312", ONE_DEVICE)


def request(text: str, code: str, words: str) -> Attempt:
    return attempt(f"a request with {text}", "ttl: 26 h", f"ttl: 26 h, {text}", code, words)


def step(text: str, code: str, words: str) -> Attempt:
    return attempt(f"a transform {text}", "ttl: 26 h", f"ttl: 26 h, transform: [ {text} ]", code, words)


def called(name: str, words: str) -> Attempt:
    changes = (("  two:\n", f"  {name}:\n"), (SPLIT, f"split: {{ one: 40 kW, {name}: 20 kW }}"))
    return Attempt(f"an asset called {name}", changes, "E109", words)


def default(text: str) -> Attempt:
    key = text.partition(":")[0]
    new = f"  ramp: 50 kW/s\n  {text}"
    return attempt(f"defaults with {text}", "  ramp: 50 kW/s", new, "E101", f"`{key}` is not a key of `defaults`")


TUNED = ("snapshot", "state_machine", "limits", "resolve", "command")
NULL, LIST = "there is no value here", "expected a mapping, got a list"
STAGE = [
    *(chain(f"{s} null", f"\n  {s}:", "E103", NULL) for s in STAGES),
    *(chain(f"{s} off", f"\n  {s}: off", "E005", "`off` is read as true or false") for s in STAGES),
    *(chain(f"{s} none", f"\n  {s}: none", "E103", "expected a mapping, got a text") for s in TUNED),
    *(chain(f"{s} disabled", f"\n  {s}: {{ enabled: false }}", "E101", no_key("enabled")) for s in TUNED),
    *(chain(f"{s} tuned away", f"\n  {s}: {{ enabled: false }}", "E101", no_key(s)) for s in STAGES if s not in TUNED),
    chain("the chain as a list", " [snapshot, resolve, command]", "E103", LIST),
    chain("the chain without a value", "", "E103", NULL),
    chain("the chain as a word", " none", "E103", "expected a mapping, got a text"),
    chain("a bypass", "\n  bypass: true", "E101", no_key("bypass")),
    chain("another order", "\n  order: [ramp, constrain]", "E101", no_key("order")),
    chain("a stage after the ramp", "\n  boost: { after: ramp }", "E101", no_key("boost")),
    chain("a transform after resolve", "\n  resolve: { transform: [ { scale: 90 % } ] }", "E101", no_key("transform")),
    chain("a transform in the chain", "\n  transform: [ { scale: 90 % } ]", "E101", no_key("transform")),
    chain("inputs of a stage", "\n  command: { inputs: [resolve] }", "E101", no_key("inputs")),
    attempt("the chain twice", CHAIN, CHAIN + CHAIN, "E004", "`chain` is written twice"),
    attempt("writers", CHAIN, CHAIN + "writers: { two: resolve }\n", "E101", no_key("writers")),
    attempt("a graph of one's own", CHAIN, CHAIN + "graph: []\n", "E101", no_key("graph")),
    attempt("a chain per asset", TWO, TWO + "    chain: { ramp: 1 }\n", "E101", no_key("chain")),
    attempt("a transform per asset", TWO, TWO + "    transform: []\n", "E101", no_key("transform")),
    attempt("a service transformed", "      max_age: 2 s", "      transform: []", "E101", no_key("transform")),
]  # fmt: skip
OUTPUT = [
    *(attempt(f"an output of type {t}", "{ type: mqtt", f"{{ type: {t}", "E104", f"`{t}` is not possible here")
      for t in ("modbus", "opcua", "writer", "asset", "command")),
    *(output(text, "E101", no_key(text.partition(":")[0]))
      for text in ("inputs: [resolve]", "from: ramp", "register: 2100", "asset: two", "transform: []", "retain: true")),
    output("publish: [desired]", "E104", "`desired` is not possible here"),
    output("topic: plant/two", "E004", "`topic` is written twice"),
    *(topic(t, "E301", DEVICE)
      for t in ("plant/two", "plant/two/command", "plant/two/command/ack", "plant/two/x/y", "plant",
                "plant/two/../two/command", "PLANT/Two/command", "plant%2Ftwo/command", "ｐlant/two/command",
                "${NOT_SET:-plant/two/command}")),
    *(topic(t, "E217", "this is not a topic")
      for t in ("plant/two/", "/plant/two", "plant//two", "plant/+", "plant/#", "#", "+/two", "$share/g/plant/two",
                "plant/two#", "plant/two command", "plant/two\\u0000")),
    *(topic(t, "E302", READ) for t in ("plant/meter", "plant/day-ahead", "plant/commitment/x")),
    Attempt("an output on a topic with a placeholder",
            (("topic: plant/two\n", 'topic: "plant/{asset}"\n'), (TOPIC, "topic: plant/two/command")), "E301", DEVICE),
    Attempt("an output through another name of the broker",
            (("  db: {", '  other: { url: "mqtt://localhost:1883" }\n  db: {'),
             (f"to: broker, {TOPIC}", "to: other, topic: plant/two/command")), "E301", DEVICE),
    attempt("an output from an alias", STATE,
            "  x-o: &o { type: mqtt, to: broker, topic: plant/two/command }\n  state: *o\n", "E301", DEVICE),
    *(attempt(f"a push to {url}", STATE, f'  state: {{ type: http, url: "{url}" }}\n', code, words)
      for url, code, words in (("https://10.0.0.1/api", "E301", "this output reaches the device `one`"),
                               ("https://10.1:502", "E301", "this output reaches the device `one`"),
                               ("modbus-tcp://10.0.0.1:502/1", "E212", "nowhere to push to"),
                               ("https://x@10.0.0.1", "E211", "credentials"))),
    attempt("an output twice", STATE, STATE + STATE, "E004", "`state` is written twice"),
    *(database(f"postgresql://{host}:502/ems")
      for host in ("10.0.0.1", "10.1", "167772161", "0x0a000001", "012.0.0.1", "10.0.0.1.", "[::ffff:10.0.0.1]",
                   "[::ffff:a00:1]")),
    *(database(url, "E212", "only a socket's folder stands behind `?`")
      for url in ("postgresql://db.lan/ems?host=10.0.0.1&port=502", "postgresql:///ems?host=10.0.0.1:502",
                  "postgresql://db.lan/ems?host=/tmp,10.0.0.1", "postgresql://db.lan/ems?hostaddr=10.0.0.1")),
    database("postgresql://db.lan:5432,10.0.0.1:502/ems", "E212", "this is not a URL"),
    database("postgresql://10.0.0.1:502@db.lan/ems", "E211", "credentials in a URL"),
    database("modbus-tcp://10.0.0.1:502/1", "E505", "a connection is a broker or a database"),
]  # fmt: skip
REQUEST = [
    *(request(text, "E101", no_key(text.partition(":")[0]))
      for text in ("to: two", "asset: two", "writes: two", "priority: 1", "bypass: true", "after: constrain")),
    request("from: two", "E004", "`from` is written twice"),
    attempt("a request from a device", "from: broker, topic: plant/day", "from: two, topic: plant/day", "E105", "such"),
    attempt("a request from a device's topic", "plant/day-ahead", "plant/two/command", "E302", "the topic of `two`"),
    *(attempt(f"a request called {kind}", DAY_AHEAD, f"  - {kind}: 100 kW\n", code, words)
      for kind, code, words in (("two", "E104", "`two` is not a kind of request"),
                                ("command", "E104", "`command` is not a kind of request"),
                                ("setpoint", "E110", "`setpoint` is not supported"))),
    attempt("power when nobody asks", "  - idle: 0 kW", "  - idle: 100 kW", "E305", "idle is 0 kW"),
    *(step(f"{{ {kind}: 5 kW }}", "E104", f"`{kind}` is not a kind of transform step")
      for kind in ("command", "limits", "constrain", "write", "ramp", "limited_kw")),
    step("{ scale: 90 %, clamp: { charge: 1 kW } }", "E106", "a transform step is one key"),
    step("{ scale: 1000 % }", "E202", "`1000 %` is too high"),
    step("{ scale: -90 % }", "E206", "`-90 %` is negative"),
    step("{ clamp: { charge: -900 kW } }", "E206", "`-900 kW` is negative"),
    step(", ".join(["{ scale: 90 % }"] * 17), "E202", "at most 16"),
]  # fmt: skip
NAME = [
    *(called(name, "is the name of another node of the graph") for name in ("validate", "snapshot", "limits", "alarms",
                                                                             "constrain", "ramp", "command")),
    *(called(name, "has a meaning of its own") for name in ("site", "outputs", "requests", "endpoint", "all")),
    called("two.writer", "this is not a name"),
    called("one/writer", "this is not a name"),
    *(twin(host) for host in ("10.0.0.1:502", "10.0.0.1", "10.1", "167772161", "0x0a000001", "10.0.0.01", "10.0.0.1.",
                              "[::ffff:10.0.0.1]")),
    Attempt("two assets on one topic by a placeholder",
            ((TWO, TWO.replace("plant/two", "plant/three") + RATED
              + TWO.replace("  two:", "  three:").replace("plant/two", '"plant/{asset}"')),), "E312", ONE_DEVICE),
    attempt("an asset inside another's topic", "topic: plant/meter", "topic: plant/two/command", "E312", ONE_DEVICE),
    attempt("a meter with the profile of a battery", "profile: mqtt-meter", "profile: mqtt-storage", "E504", "storage"),
]  # fmt: skip
TRICK = [
    *(default(text) for text in ("constrain: 1", "chain: { ramp: 1 }", "rated: { charge: 9 MW }", "topic: x",
                                 "transform: []", "limits: none", "connect: broker")),
    attempt("a merge key", CHAIN, "x-c: &c { constrain: {} }\nchain:\n  <<: *c\n", "E005", "`<<` merges"),
    attempt("a chain from an alias", CHAIN, "x-c: &c { constrain: {} }\nchain: *c\n", "E101", no_key("constrain")),
    attempt("a chain that contains itself", CHAIN, "chain: &c\n  snapshot: *c\n", "E007", "contains itself"),
    attempt("ratings twice", RATED, RATED + RATED, "E004", "`rated` is written twice"),
    attempt("a limit twice", "  import_limit: 300 kW\n", "  import_limit: 300 kW\n" * 2, "E004", "twice"),
    attempt("a chain from another folder", CHAIN, "chain: !include ../chain.yaml\n", "E012", "outside"),
    attempt("a chain from anywhere", CHAIN, "chain: !include /etc/passwd\n", "E012", "outside"),
    attempt("a call in a tag", CHAIN, "chain: !!python/object/apply:os.system [ls]\n", "E008", "is not allowed"),
    attempt("a limit from the environment", "import_limit: 300 kW", 'import_limit: "${L:-9 MW}"', "E210", "literal"),
    attempt("a profile from elsewhere", "profile: mqtt-storage", 'profile: "${P:-mqtt-meter}"', "E210", "literal"),
    attempt("a second document", CHAIN, f"{CHAIN}---\n{CHAIN}", "E009", "a second document"),
    attempt("another YAML", "version: 1\n", "%YAML 1.1\n---\nversion: 1\n", "E009", "directives"),
    attempt("a meter that writes", "chain:\n", "profiles:\n  own: { extends: mqtt-meter, write: { power: "
            "{ path: active_power_kw, unit: kW } } }\nchain:\n", "E509", "a meter is never written to"),
    attempt("a profile over a built-in one", "chain:\n", PROFILE.format("").replace("own", "mqtt-storage"), "E508",
            "`mqtt-storage` is a built-in profile"),
    attempt("a profile without its write order", "chain:\n", PROFILE.format("write_order: [mode]"), "E509", "order"),
    *(attempt(f"a profile with topics {t}", "chain:\n", PROFILE.format(f"topics: {{ {t} }}"), "E509", words)
      for t, words in (('command: "#"', "not the end of a topic"), ('command: "+/command"', "not the end of a topic"),
                       ("command: telemetry", "what the device listens to"))),
]  # fmt: skip
ATTEMPTS = [*STAGE, *OUTPUT, *REQUEST, *NAME, *TRICK]


@pytest.mark.parametrize("tried", ATTEMPTS, ids=lambda tried: tried.name)
def test_it_is_refused_and_says_why(tried: Attempt) -> None:
    text = PLANT
    for old, new in tried.changes:
        assert old in text, f"not in the plant: {old}"
        text = text.replace(old, new, 1)
    found = checked(text)
    assert found.definition is None
    said = [f"{p.code} {p.message} {p.help}" for p in found.diagnostics if p.severity == "error"]
    assert any(line.startswith(tried.code) and tried.words in line for line in said), render(found.diagnostics)


def test_there_are_enough_attempts() -> None:
    assert len({tried.changes for tried in ATTEMPTS}) == len(ATTEMPTS) >= 60


WITHOUT_EFFECT = {
    "a stage parked under x-": "chain:\n  x-constrain: { enabled: false }\n  snapshot: { require: [site.poc] }\n"
    "  command: { valid_for: 3 s }\n",
    "a site parked under x-": "x-site: { export_limit: 9 MW }\n" + CHAIN,
    "a writer parked under x-": "x-writers: { two: resolve }\n" + CHAIN,
    "an anchor that nobody uses": "x-off: &off { constrain: false }\n" + CHAIN,
}


@pytest.mark.parametrize("text", WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT.keys())
def test_what_is_parked_changes_nothing(text: str) -> None:
    """`x-` keys are accepted and left out: the graph is the one without them."""
    found = checked(PLANT.replace(CHAIN, text))
    assert found.ok, render(found.diagnostics)
    assert graph_of(found) == graph_of(checked(PLANT))
    assert found.definition == checked(PLANT).definition
