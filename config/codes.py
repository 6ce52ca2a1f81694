"""What every error code means, for `docs E203`: a title, why it is refused, and an example of both.

E0 YAML     E1 shape     E2 values and units     E3 safety     E4 live and reload     E5 profiles     E6 tests
"""

from __future__ import annotations

from textwrap import fill, indent

from config.codes_of_tests import TESTS
from config.explanation import Explanation

FAMILIES = {
    "E0": "YAML",
    "E1": "shape",
    "E2": "values and units",
    "E3": "safety",
    "E4": "live and reload",
    "E5": "profiles",
    "E6": "tests",
}


_YAML = {
    "E001": Explanation(
        "a file cannot be read", "The file does not exist, is a folder, may not be read or is not UTF-8."
    ),
    "E002": Explanation(
        "not YAML",
        "The text breaks YAML's rules: a quote or bracket is not closed, a tab indents, a `: ` stands in a plain text. "
        "The cause is often on the line above.",
        "name: a: b",
        'name: "a: b"',
    ),
    "E003": Explanation("a file is too large", "A definition has at most 256 KiB; 200 assets fit easily."),
    "E004": Explanation(
        "a key is written twice",
        "Most readers silently take the last one, and a limit disappears. Here it is an error, with both places.",
        "export_limit: 250 kW\nexport_limit: 2500 kW",
        "export_limit: 250 kW",
    ),
    "E005": Explanation(
        "an ambiguous scalar",
        "YAML 1.1 and 1.2 read `010`, `on`, `yes`, `1:30`, `.nan`, `1e3`, `2024-01-01` differently, and so do people. "
        "Write the plain decimal, true or false, or quote the text.",
        "unit: 010",
        "unit: 10",
    ),
    "E006": Explanation("nested too deep", "A definition needs about six levels; 24 are allowed."),
    "E007": Explanation(
        "aliases that grow, or have no anchor",
        "An alias may not contain itself, and the document with all aliases written out has at most 100,000 values.",
    ),
    "E008": Explanation(
        "a tag", "Only `!secret name` and `!include file.yaml` are known.", "port: !!str 8088", 'port: "8088"'
    ),
    "E009": Explanation(
        "not one document", "A file holds one document of YAML 1.2, without `%` directives or a second `---`."
    ),
    "E010": Explanation(
        "a key that is no word", "Keys are words or whole numbers, never lists, mappings, fractions or nothing."
    ),
    "E012": Explanation(
        "an `!include` that does not work",
        "The file stands in the folder of the definition or below it, at most eight deep, and does not include itself.",
        "assets: !include ../other/assets.yaml",
        "assets: !include assets.yaml",
    ),
}

_SHAPE = {
    "E101": Explanation(
        "a key that is not known here",
        "Nothing is ignored: a misspelt key would be a lost limit.",
        "ramps: 50 kW/s",
        "ramp: 50 kW/s",
    ),
    "E102": Explanation(
        "something is missing", "The key has no default, or a list or mapping needs at least one entry."
    ),
    "E103": Explanation(
        "another shape is expected",
        "A mapping, a list and a single value are different things; a key without a value says nothing.",
        "rated: 250 kW",
        "rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }",
    ),
    "E104": Explanation(
        "a word that is not possible here",
        "The value is one of a fixed list of words.",
        "publish: [snapshots]",
        "publish: [snapshot]",
    ),
    "E105": Explanation(
        "a name of nothing",
        "The connection, asset, meter, device or file that is named does not exist.",
        "from: brokr",
        "from: broker",
    ),
    "E106": Explanation(
        "not one key",
        "Entries of `requests:` and `ancillary:` are one key, the kind, because their order means something.",
        "- kind: day_ahead",
        "- day_ahead: { from: broker, topic: site/day-ahead, ttl: 26 h }",
    ),
    "E107": Explanation(
        "listed twice",
        "The same kind, topic or service stands twice; the second could never act, or would overwrite the first.",
    ),
    "E109": Explanation(
        "not a name",
        "Names become node ids, topics, labels and file names: a letter, then letters, digits, `_` or `-`, at most 40; "
        "words of the language such as `site` and `all` are taken.",
        "name: Nordhafen 1",
        "name: nordhafen_1",
    ),
    "E110": Explanation(
        "a word kept for later",
        "The language keeps the word and does not have it yet. It is refused, never ignored.",
        "- charge_from_pv: { meter: site.poc }",
        "- self_consumption: { meter: site.poc }",
    ),
    "E111": Explanation(
        "not acted on in this version",
        "The language has it and checks it; this version does nothing with it. `check` warns, `graph` and `test` go on "
        "without it, and `run` refuses the file: nothing is ignored in silence.",
    ),
}

_VALUES = {
    "E201": Explanation(
        "another type is expected",
        "Text, number, true or false: nothing is converted.",
        'anonymous_viewer: "true"',
        "anonymous_viewer: true",
    ),
    "E202": Explanation(
        "out of range",
        "The value is possible as such, and outside what makes sense here.",
        "soc: { max: 900 % }",
        "soc: { max: 90 % }",
    ),
    "E203": Explanation(
        "a quantity is expected",
        "Every quantity has a unit: `300 kW`, `3 s`, `10 %`, `50 kW/s`, `200 mHz`. Numbers are plain decimals.",
        "import_limit: 300",
        "import_limit: 300 kW",
    ),
    "E204": Explanation(
        "a unit of another dimension",
        "Power is not energy, and a duration is neither.",
        "energy: 500 kW",
        "energy: 500 kWh",
    ),
    "E205": Explanation(
        "an unknown unit", "Units are case-sensitive: `mW` and `MW` are 10⁹ apart.", "charge: 250 kw", "charge: 250 kW"
    ),
    "E206": Explanation(
        "a negative magnitude",
        "`charge`, `discharge`, `import` and `export` say the direction; the value is its size.",
        "charge: -250 kW",
        "charge: 250 kW",
    ),
    "E207": Explanation(
        "a variable is not set",
        "`${NAME}` is read from the environment. `--env-stub` checks without it.",
        'url: "mqtts://${BROKER}:8883"',
        'url: "mqtts://${BROKER:-broker.lan}:8883"',
    ),
    "E208": Explanation(
        "a secret in the file",
        "Passwords and tokens are files, named by `!secret`; they are never printed.",
        "password: hunter2",
        "password: !secret mqtt_password",
    ),
    "E209": Explanation(
        "a secret cannot be read",
        "`!secret name` reads the file `name` of the folder given by `--secrets-dir`; it may not be empty.",
    ),
    "E210": Explanation(
        "must be a literal",
        "What decides about safety is reviewed here: no variables in limits, signs, ramps, registers, profiles.",
        'export_limit: "${LIMIT}"',
        "export_limit: 250 kW",
    ),
    "E211": Explanation(
        "credentials in a URL",
        "URLs are logged. Write user and password beside it.",
        "url: mqtt://ems:pw@broker:1883",
        "url: mqtt://broker:1883\nuser: ems\npassword: !secret mqtt_password",
    ),
    "E212": Explanation(
        "not a URL",
        "`scheme://host:port`, for Modbus with the unit, for PostgreSQL with the database.",
        "connect: 10.20.0.11:502",
        "connect: modbus-tcp://10.20.0.11:502/1",
    ),
    "E213": Explanation(
        "a band without an inside",
        "`min` is below `max`, the least power below the rated one.",
        "soc: { min: 90 %, max: 10 % }",
        "soc: { min: 10 %, max: 90 % }",
    ),
    "E214": Explanation(
        "a broken `${`",
        "Write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; `$${` writes `${` itself.",
        'topic: "a/${B"',
        'topic: "a/${B}"',
    ),
    "E215": Explanation(
        "not a time zone", "A name of the IANA time zone database.", "timezone: CEST", "timezone: Europe/Berlin"
    ),
    "E216": Explanation("not an address to listen on", "Host and port.", 'listen: ":8088"', "listen: 127.0.0.1:8088"),
    "E217": Explanation(
        "not a topic",
        "No wildcards, spaces, `$` or outer slashes, at most 200 characters.",
        "topic: site/#",
        "topic: site/state",
    ),
    "E218": Explanation(
        "does not add up",
        "The parts of a split add up to what is sold.",
        "capacity: 200 kW\nsplit: { a: 150 kW }",
        "capacity: 200 kW\nsplit: { a: 150 kW, b: 50 kW }",
    ),
}

_VALUES |= {
    "E219": Explanation(
        "not the name of a node or point",
        "Node ids are names joined by points, the same in the file, the graph, tests, alarms and the websocket.",
        "meter: the meter",
        "meter: site.poc",
    ),
    "E220": Explanation(
        "not a condition",
        "`when` is `<point> above|below <quantity>` or `<point> missing|stale`.",
        "when: soc < 12 %",
        "when: soc below 12 %",
    ),
}

_SAFETY = {
    "E301": Explanation(
        "an output reaches a device",
        "Devices that can be commanded stand under `assets:` only. An output on an asset's topic or address would be "
        "a way around the guards.",
        "topic: plant/bess1/command",
        "topic: site/state",
    ),
    "E302": Explanation(
        "one topic, two meanings",
        "What is measured or requested may not be written by an output, and a request is not read from a device's own "
        "topic: either would be a loop.",
    ),
    "E303": Explanation(
        "the order contradicts the priority of kinds",
        "Commitments come before intraday, day-ahead and idle (LH-MKT-006). The order may refine this, not turn it.",
    ),
    "E304": Explanation(
        "a request without `ttl`",
        "A request from outside that cannot expire is a way to lose control.",
        "- day_ahead: { from: broker, topic: a/b }",
        "- day_ahead: { from: broker, topic: a/b, ttl: 26 h }",
    ),
    "E305": Explanation(
        "no idle at the end",
        "`- idle: 0 kW` ends the list: what happens when nobody asks is written, and it is nothing.",
    ),
    "E306": Explanation(
        "above the device's rating", "Limits only shrink. A rating above the profile's is an error, not a clamp."
    ),
    "E307": Explanation(
        "an open door",
        "An endpoint that others can reach needs tokens, and TLS or a proxy that has it (`behind_proxy: true`).",
        "listen: 0.0.0.0:8088",
        "listen: 127.0.0.1:8088",
    ),
    "E308": Explanation("anonymous viewing from elsewhere", "`anonymous_viewer` is for a loopback address only."),
    "E309": Explanation(
        "another cycle",
        "A site has one regular cycle: 1 s, or 100 ms when an asset sells fast reserve.",
        "cycle: 500 ms",
        "cycle: 1 s",
    ),
    "E310": Explanation(
        "deaf to frequency",
        "Insensitivity and dead band together stay within 10 mHz (Regulation (EU) 2017/1485, annex V).",
        "dead_band: 10 mHz",
        "dead_band: 0 mHz",
    ),
    "E311": Explanation(
        "a command outlives the device's watchdog",
        "`valid_for` ends before the device reverts on its own, and the cycle writes often enough to prevent that.",
    ),
    "E312": Explanation(
        "one device twice",
        "Two writers on one device are two masters. Every device has an address or topic of its own.",
    ),
    "E313": Explanation(
        "more is sold than can be delivered",
        "Sold reserve is available in both directions, in power and, for its time, in energy within the SoC bands.",
    ),
    "E314": Explanation(
        "a command that ends too soon", "A command lasts longer than one cycle; otherwise there are gaps without any."
    ),
    "E315": Explanation("always stale", "`stale_after` and `max_age` are longer than the time between two values."),
    "E316": Explanation(
        "a stop slower than the device's own", "A stop ramp from rated power ends before the device reverts on its own."
    ),
    "E318": Explanation(
        "a limit that no meter watches",
        "Without the meter `poc`, `max_load` and `max_pv` always stand in. This is a warning.",
    ),
    "E319": Explanation(
        "one token, two roles",
        "Each role has a token of its own; otherwise the weaker role has the rights of the stronger.",
    ),
    "E320": Explanation(
        "a weak token", "Tokens have 16 to 512 characters, not all alike; `openssl rand -hex 32` makes one."
    ),
}

_PROFILES = {
    "E501": Explanation(
        "an unknown profile",
        "The profile neither ships nor stands under `profiles:`.",
        "profile: sunspec",
        "profile: sunspec-storage",
    ),
    "E503": Explanation(
        "a URL of another protocol",
        "The scheme of `connect:` is the profile's protocol: `modbus-tcp://` for Modbus, a named broker for MQTT.",
    ),
    "E504": Explanation("another kind of device", "Assets have profiles of storage, meters have profiles of meters."),
    "E505": Explanation(
        "a connection of another kind",
        "Brokers and databases are named under `connections:`; a Modbus device's URL stands under its own `connect:`.",
    ),
    "E506": Explanation(
        "no such point",
        "The profile of the device does not have the point that is asked for.",
        "frequency: site.poc.freq",
        "frequency: site.poc.frequency",
    ),
    "E507": Explanation(
        "`topic` or `node` at the wrong device", "A device on MQTT needs `topic`; another one has none."
    ),
    "E508": Explanation(
        "`extends` that leads nowhere", "A profile of the definition has a name of its own and does not extend itself."
    ),
    "E509": Explanation(
        "a profile that contradicts itself",
        "A profile is checked as a whole: every point has a place of its protocol and a unit of its dimension, word "
        "order and addressing are written, write points do not overlap, 0 kW can be said, the watchdog's point exists.",
        'power: { register: "holding 2100", type: int32, unit: W }',
        'power: { register: "holding 2100", type: int32, word_order: little, unit: W }',
    ),
}

EXPLANATIONS: dict[str, Explanation] = {**_YAML, **_SHAPE, **_VALUES, **_SAFETY, **_PROFILES, **TESTS}


def explain(code: str) -> str | None:
    """The page of one code as text, or None when there is no such code."""
    explanation = EXPLANATIONS.get(code.upper())
    if explanation is None:
        return None
    lines = [f"{code.upper()}: {explanation.title} ({FAMILIES[code.upper()[:2]]})", "", fill(explanation.text, 100)]
    for name, example in (("wrong", explanation.wrong), ("right", explanation.right)):
        if example:
            lines += ["", f"{name}:", indent(example, "    ")]
    return "\n".join(lines) + "\n"
