"""The codes of the plant: E3 safety, E5 profiles."""

from __future__ import annotations

from config.explanation import Explanation

SAFETY: dict[str, Explanation] = {
    "E301": Explanation(
        "an output reaches a device",
        "Devices that can be commanded stand under `assets:` only. An output on an asset's topic or address "
        "would be a way around the guards.",
        "topic: plant/bess1/command",
        "topic: site/state",
    ),
    "E302": Explanation(
        "one topic, two meanings",
        "What is measured or requested may not be written by an output, and a request is not read from a "
        "device's own topic: either would be a loop.",
        "outputs: { state: { type: mqtt, to: broker, topic: site/day-ahead } }",
        "outputs: { state: { type: mqtt, to: broker, topic: site/state } }",
    ),
    "E303": Explanation(
        "the order contradicts the priority of kinds",
        "Commitments come before intraday, day-ahead and idle (LH-MKT-006). The order may refine this, not "
        "turn it.",
        "- day_ahead:  { from: broker, topic: site/day-ahead,  ttl: 26 h }\n- commitment: { from: broker, "
        "topic: site/commitment, ttl: 20 min }",
        "- commitment: { from: broker, topic: site/commitment, ttl: 20 min }\n- day_ahead:  { from: broker, "
        "topic: site/day-ahead,  ttl: 26 h }",
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
        "requests:\n  - day_ahead: { from: broker, topic: site/day-ahead, ttl: 26 h }",
        "requests:\n  - day_ahead: { from: broker, topic: site/day-ahead, ttl: 26 h }\n  - idle: 0 kW",
    ),
    "E306": Explanation(
        "above the device's rating",
        "Limits only shrink. A rating above the profile's is an error, not a clamp.",
        "rated: { charge: 300 kW, … }       # the profile says 250 kW",
        "rated: { charge: 250 kW, … }",
    ),
    "E307": Explanation(
        "an open door",
        "An endpoint that others can reach needs tokens, and TLS or a proxy that has it (`behind_proxy: true`).",
        "listen: 0.0.0.0:8088",
        "listen: 127.0.0.1:8088",
    ),
    "E308": Explanation(
        "anonymous viewing from elsewhere",
        "`anonymous_viewer` is for a loopback address only.",
        "listen: 0.0.0.0:8088\nanonymous_viewer: true",
        "listen: 127.0.0.1:8088\nanonymous_viewer: true",
    ),
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
        "`valid_for` ends before the device reverts on its own, and the cycle writes often enough to prevent "
        "that.",
        "chain: { command: { valid_for: 30 s } }    # the device reverts after 10 s",
        "chain: { command: { valid_for: 3 s } }",
    ),
    "E312": Explanation(
        "one device twice",
        "Two writers on one device are two masters. Every device has an address or topic of its own.",
        "bess1: { connect: modbus-tcp://10.0.0.11:502/1, … }\nbess2: { connect: modbus-tcp://10.0.0.11:502/1, "
        "… }",
        "bess1: { connect: modbus-tcp://10.0.0.11:502/1, … }\nbess2: { connect: modbus-tcp://10.0.0.12:502/1, "
        "… }",
    ),
    "E313": Explanation(
        "more is sold than can be delivered",
        "Sold reserve is available in both directions, in power and, for its time, in energy within the SoC "
        "bands.",
        "fcr: { capacity: 400 kW, … }       # of a battery rated at 250 kW",
        "fcr: { capacity: 200 kW, … }",
    ),
    "E314": Explanation(
        "a command that ends too soon",
        "A command lasts longer than one cycle; otherwise there are gaps without any.",
        "cycle: 1 s\nchain: { command: { valid_for: 1 s } }",
        "cycle: 1 s\nchain: { command: { valid_for: 3 s } }",
    ),
    "E315": Explanation(
        "always stale",
        "`stale_after` and `max_age` are longer than the time between two values.",
        "stale_after: 500 ms                # polled once a second",
        "stale_after: 3 s",
    ),
    "E316": Explanation(
        "a stop slower than the device's own",
        "A stop ramp from rated power ends before the device reverts on its own.",
        "ramp: { up: 50 kW/s, down: 50 kW/s, stop: 10 kW/s }    # 250 kW in 25 s, and it reverts after 10 s",
        "ramp: { up: 50 kW/s, down: 50 kW/s, stop: at_once }",
    ),
    "E318": Explanation(
        "a limit that no meter watches",
        "Without the meter `poc`, `max_load` and `max_pv` always stand in. This is a warning.",
        "site: { import_limit: 300 kW }",
        "site:\n  import_limit: 300 kW\n  meters:\n    poc: { profile: grid-meter, connect: "
        '"modbus-tcp://10.0.0.12:502/1" }',
    ),
    "E319": Explanation(
        "one token, two roles",
        "Each role has a token of its own; otherwise the weaker role has the rights of the stronger.",
        "tokens: { viewer: !secret token, operator: !secret token }",
        "tokens: { viewer: !secret viewer_token, operator: !secret operator_token }",
    ),
    "E320": Explanation(
        "a weak token",
        "Tokens have 16 to 512 characters, not all alike; `openssl rand -hex 32` makes one.",
        "echo secret > secrets/viewer_token",
        "openssl rand -hex 32 > secrets/viewer_token",
    ),
    "E321": Explanation(
        "a certificate that cannot be used",
        "Certificate and key are PEM files that belong together, the key without a password; `ca` is a file of "
        "certificates in PEM.",
        "tls: { certificate: !secret web_key, key: !secret web_cert }",
        "tls: { certificate: !secret web_cert, key: !secret web_key }",
    ),
    "E322": Explanation(
        "a state directory that cannot be one",
        "Journal, checkpoint and buffers need a folder; this is a file, or lies below one.",
        "state_dir: site.yaml",
        "state_dir: /var/lib/bess-pipeline",
    ),
    "E323": Explanation(
        "a quota of less than two files",
        "The file that is being written counts too, and only whole files are deleted: a recording keeps two at least.",
        "outputs:\n  black_box: { type: recording, rotate_size: 256 MB, quota: 300 MB }",
        "outputs:\n  black_box: { type: recording, rotate_size: 256 MB, quota: 10 GB }",
    ),
    "E325": Explanation(
        "a plug-in that reaches further than it may",
        "An operator of another package reads rows that are written before it, remembers and writes rows of its own, "
        "and feeds one request. Whatever else it declares, a name that is taken, or a package that cannot be loaded "
        "is refused: docs/plugins.md.",
        "- plugin: { name: commands-directly }",
        "- plugin: { name: night-charge }",
    ),
    "E326": Explanation(
        "a secured connection that cannot be one",
        "`security` of OPC UA needs `certificate` and its private key, in the same file or under `key`. Without `ca` "
        "the first certificate seen is kept: a warning. `user_certificate` has its key, and no name beside it.",
        'ess: { url: "opc.tcp://10.0.0.22:4840", security: Basic256Sha256/SignAndEncrypt }',
        'ess: { url: "opc.tcp://10.0.0.22:4840", security: Basic256Sha256/SignAndEncrypt,\n'
        "       certificate: !secret opcua_client, ca: /etc/ems/ess.pem }",
    ),
    "E327": Explanation(
        "measurements in clear text",
        "What is pushed to another machine is encrypted, and so is its token: `http://` is for this machine alone.",
        'outputs: { cloud: { type: http, url: "http://cloud.example/north" } }',
        'outputs: { cloud: { type: http, url: "https://cloud.example/north" } }',
    ),
    "E340": Explanation(
        "Q(U) without a voltage",
        "Q(U) follows the voltage that the meter `poc` measures, as a share of `nominal_voltage`. Both are needed.",
        "site:\n  grid_functions: { reactive: { q_of_u: [ … ] } }",
        "site:\n  nominal_voltage: 20 kV\n  grid_functions: { reactive: { q_of_u: [ … ] } }\n  meters:\n    poc: "
        '{ profile: grid-meter, connect: "modbus-tcp://10.0.0.12:502/1" }',
    ),
    "E341": Explanation(
        "P(f) without a frequency",
        "A grid code, `over_frequency` and `under_frequency` limit power by the frequency of the meter `poc`, or of "
        "the meter that a reserve service names.",
        "site: { grid_code: vde-ar-n-4110 }",
        'site:\n  grid_code: vde-ar-n-4110\n  meters:\n    poc: { profile: grid-meter, connect: '
        '"modbus-tcp://10.0.0.12:502/1" }',
    ),
    "E342": Explanation(
        "reactive power that nobody can carry",
        "Reactive power needs a profile with the write point `reactive_power`, and the radius of the circle in which "
        "it stands beside active power: the apparent rating of the asset or of its profile.",
        "rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }",
        "rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh, apparent: 275 kVA }",
    ),
    "E343": Explanation(
        "a function of reactive power that says two things, or nothing",
        "`reactive` has exactly one of `q_of_u`, `cos_phi` and `fixed`; every point of a curve supplies or absorbs; "
        "the points rise.",
        "q_of_u: [ { voltage: 108 %, absorb: 33 % }, { voltage: 92 % } ]",
        "q_of_u: [ { voltage: 92 %, supply: 33 % }, { voltage: 108 %, absorb: 33 % } ]",
    ),
    "E344": Explanation(
        "a taper curve that does not rise",
        "The points of a taper curve stand in order, each at a higher temperature or state of charge than the one "
        "before: what power is allowed at one and the same place must not be said twice.",
        "charge: [ { at: 15 °C, power: 100 % }, { at: 0 °C, power: 0 % } ]",
        "charge: [ { at: 0 °C, power: 0 % }, { at: 15 °C, power: 100 % } ]",
    ),
}

PROFILES: dict[str, Explanation] = {
    "E501": Explanation(
        "an unknown profile",
        "The profile neither ships nor stands under `profiles:`.",
        "profile: sunspec",
        "profile: sunspec-storage",
    ),
    "E503": Explanation(
        "a URL of another protocol",
        "The scheme of `connect:` is the profile's protocol: `modbus-tcp://` for Modbus, a named broker for "
        "MQTT.",
        "profile: sunspec-storage\nconnect: mqtt://broker:1883",
        "profile: sunspec-storage\nconnect: modbus-tcp://10.0.0.11:502/1",
    ),
    "E504": Explanation(
        "another kind of device",
        "Assets have profiles of storage, meters have profiles of meters.",
        "assets: { bess1: { profile: grid-meter, … } }",
        "assets: { bess1: { profile: sunspec-storage, … } }",
    ),
    "E505": Explanation(
        "a connection of another kind",
        "Brokers, databases and Modbus devices behind TLS, which have certificates, are named under `connections:`; "
        "any other Modbus device's URL stands under its own `connect:`.",
        'connections: { device: { url: "modbus-tcp://10.0.0.11:502/1" } }',
        'assets: { bess1: { connect: "modbus-tcp://10.0.0.11:502/1", … } }',
    ),
    "E506": Explanation(
        "no such point",
        "The profile of the device does not have the point that is asked for.",
        "frequency: site.poc.freq",
        "frequency: site.poc.frequency",
    ),
    "E507": Explanation(
        "`topic` or `node` at the wrong device",
        "A device on MQTT needs `topic`; another one has none.",
        "profile: mqtt-storage\nconnect: broker",
        "profile: mqtt-storage\nconnect: broker\ntopic: plant/bess1",
    ),
    "E508": Explanation(
        "`extends` that leads nowhere",
        "A profile of the definition has a name of its own and does not extend itself.",
        "profiles: { acme: { extends: acme } }",
        "profiles: { acme: { extends: sunspec-storage } }",
    ),
    "E509": Explanation(
        "a profile that contradicts itself",
        "A profile is checked as a whole: every point has a place of its protocol and a unit of its dimension, "
        "word order and addressing are written, write points do not overlap, 0 kW can be said, the watchdog's "
        "point exists.",
        'power: { register: "holding 2100", type: int32, unit: W }',
        'power: { register: "holding 2100", type: int32, word_order: little, unit: W }',
    ),
    "E510": Explanation(
        "an identity that cannot be read",
        "What an asset's `identity` asks for is a point under the `identity` of its profile; otherwise nothing would "
        "ever be written.",
        "identity: { serial: ACME-004711 }    # its profile has no `serial`",
        "identity: { model: Rack 2 }",
    ),
    "E511": Explanation(
        "a point that does not fit a step",
        "A step of a sequence writes a constant that its profile names under `steps`, so that no ordinary command "
        "moves a contactor, and waits for a point that says yes or no.",
        "start_sequence: [ { write: close_contactor, until: state, within: 30 s } ]",
        "start_sequence: [ { write: close_contactor, until: available, within: 30 s } ]",
    ),
    "E512": Explanation(
        "a login that does not fit",
        "A write point that the profile calls `secret` is a login: its value is the asset's `password`, a whole number "
        "that the register can hold, from a file. A device without such a point has no `password`.",
        "bess1: { profile: acme, … }                                # its write point `unlock` is a secret",
        "bess1: { profile: acme, password: !secret bess1_unlock, … }",
    ),
    "E513": Explanation(
        "units that nothing tells apart",
        "A device at one of several units is the one that holds what its profile `expects` and says the asset's "
        "`identity`. Without either, the first that answers would be taken for it.",
        "bess1: { profile: acme, connect: modbus-tcp://10.0.0.11:502/1-9, … }",
        "bess1: { profile: acme, connect: modbus-tcp://10.0.0.11:502/1-9, identity: { serial: ACME-004711 }, … }",
    ),
}
