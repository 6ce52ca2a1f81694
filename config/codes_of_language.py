"""The codes of the language: E0 YAML, E1 shape, E2 values and units."""

from __future__ import annotations

from config.explanation import Explanation

YAML: dict[str, Explanation] = {
    "E001": Explanation(
        "a file cannot be read",
        "The file does not exist, is a folder, may not be read or is not UTF-8.",
        "bess-pipeline check sites.yaml",
        "bess-pipeline check site.yaml",
    ),
    "E002": Explanation(
        "not YAML",
        "The text breaks YAML's rules: a quote or bracket is not closed, a tab indents, a `: ` stands in a "
        "plain text. The cause is often on the line above.",
        "name: a: b",
        'name: "a: b"',
    ),
    "E003": Explanation(
        "a file is too large",
        "A definition has at most 256 KiB; 200 assets fit easily.",
        "assets: { … thousands of lines … }",
        "assets: !include assets.yaml",
    ),
    "E004": Explanation(
        "a key is written twice",
        "Most readers silently take the last one, and a limit disappears. Here it is an error, with both "
        "places.",
        "export_limit: 250 kW\nexport_limit: 2500 kW",
        "export_limit: 250 kW",
    ),
    "E005": Explanation(
        "an ambiguous scalar",
        "YAML 1.1 and 1.2 read `010`, `on`, `yes`, `1:30`, `.nan`, `1e3`, `2024-01-01` differently, and so do "
        "people. Write the plain decimal, true or false, or quote the text.",
        "unit: 010",
        "unit: 10",
    ),
    "E006": Explanation(
        "nested too deep",
        "A definition needs about six levels; 24 are allowed.",
        "rated: [[[[[[[[[[[[[[[[[[[[[[[[ 250 kW ]]]]]]]]]]]]]]]]]]]]]]]]",
        "rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }",
    ),
    "E007": Explanation(
        "aliases that grow, or have no anchor",
        "An alias may not contain itself, and the document with all aliases written out has at most 100,000 "
        "values.",
        "soc: *band",
        "x-band: &band { min: 10 %, max: 90 % }\nsoc: *band",
    ),
    "E008": Explanation(
        "a tag",
        "Only `!secret name` and `!include file.yaml` are known.",
        "port: !!str 8088",
        'port: "8088"',
    ),
    "E009": Explanation(
        "not one document",
        "A file holds one document of YAML 1.2, without `%` directives or a second `---`.",
        "version: 1\n---\nversion: 1",
        "version: 1",
    ),
    "E010": Explanation(
        "a key that is no word",
        "Keys are words or whole numbers, never lists, mappings, fractions or nothing.",
        "? [bess1, bess2]\n: { profile: sunspec-storage }",
        "bess1: { profile: sunspec-storage }\nbess2: { profile: sunspec-storage }",
    ),
    "E012": Explanation(
        "an `!include` that does not work",
        "The file stands in the folder of the definition or below it, at most eight deep, and does not include "
        "itself.",
        "assets: !include ../other/assets.yaml",
        "assets: !include assets.yaml",
    ),
}

SHAPE: dict[str, Explanation] = {
    "E101": Explanation(
        "a key that is not known here",
        "Nothing is ignored: a misspelt key would be a lost limit.",
        "ramps: 50 kW/s",
        "ramp: 50 kW/s",
    ),
    "E102": Explanation(
        "something is missing",
        "The key has no default, or a list or mapping needs at least one entry.",
        "rated: { charge: 250 kW, discharge: 250 kW }",
        "rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }",
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
        "The same kind, topic or service stands twice; the second could never act, or would overwrite the "
        "first.",
        "- idle: 0 kW\n- idle: 0 kW",
        "- idle: 0 kW",
    ),
    "E109": Explanation(
        "not a name",
        "Names become node ids, topics, labels and file names: a letter, then letters, digits, `_` or `-`, at "
        "most 40; words of the language such as `site` and `all` are taken.",
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
        "The language has it and checks it; this version does nothing with it. `check` warns, `graph` and "
        "`test` go on without it, and `run` refuses the file: nothing is ignored in silence.",
        "- peak_shaving: { meter: site.poc, import_peak: 900 kW }",
        "# leave it out until `bess-pipeline list` no longer says so",
    ),
}

VALUES: dict[str, Explanation] = {
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
        "an unknown unit",
        "Units are case-sensitive: `mW` and `MW` are 10⁹ apart.",
        "charge: 250 kw",
        "charge: 250 kW",
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
        "password: !secret ../mqtt_password",
        "password: !secret mqtt_password",
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
        "not a time zone",
        "A name of the IANA time zone database.",
        "timezone: CEST",
        "timezone: Europe/Berlin",
    ),
    "E216": Explanation(
        "not an address to listen on",
        "Host and port.",
        'listen: ":8088"',
        "listen: 127.0.0.1:8088",
    ),
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
    "E221": Explanation(
        "not a node id",
        "A node of OPC UA is `ns=2;s=ESS`, `nsu=urn:acme:ess;s=ESS` or with `i=`, `g=`, `b=`; the points of a device "
        "stand below a text, joined by a dot, or are node ids themselves.",
        "node: ESS",
        'node: "ns=2;s=ESS"',
    ),
}
