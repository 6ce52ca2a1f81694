"""Rules about devices: each asset and meter has a fitting profile, one way to it, and room for its watchdog."""

from __future__ import annotations

from collections.abc import Iterator

from config.address import MODBUS, canonical_host, canonical_topic
from config.diagnostics import Diagnostic
from config.login import number, secret_point
from config.profile import Profile
from config.shape import suggestion
from config.topics import whole
from pipeline.rules.subject import Device, Subject

_SCHEMES = {"modbus": MODBUS, "mqtt": ("mqtt", "mqtts"), "opcua": ("opc.tcp",)}


def connects(subject: Subject) -> Iterator[Diagnostic]:
    """The profile's kind and protocol fit the section and its `connect:`; named connections exist."""
    for device in subject.devices:
        profile = device.profile
        if profile is None:
            continue
        wanted = "storage" if device.commanded else "meter"
        if profile.kind != wanted:
            message = f"`{profile.name}` describes a {profile.kind}, expected a {wanted}"
            yield subject.problem("E504", message, "choose another profile", *device.at, "profile")
        yield from _connect(subject, device, profile)


def _connect(subject: Subject, device: Device, profile: Profile) -> Iterator[Diagnostic]:
    connect, at = device.section.connect, (*device.at, "connect")
    named = "://" not in connect
    if named and connect not in subject.definition.connections:
        known = [*map(str, subject.definition.connections)]
        yield subject.problem("E105", f"there is no connection `{connect}`", suggestion(connect, known), *at)
        return
    address = subject.address(connect)
    if address is not None and address.scheme not in _SCHEMES[profile.protocol]:
        message = f"`{profile.name}` speaks {profile.protocol}, and this is {address.scheme}"
        first = ((*device.at, "profile"), "its profile")
        yield subject.problem("E503", message, f"write {_how(profile)}", *at, first=first)
    elif address is not None and named != (address.scheme != "modbus-tcp"):
        message = "it is named under `connections:`" if not named else "a device's URL stands here"
        yield subject.problem("E505", message, f"write {_how(profile)}", *at)
    yield from _topic(subject, device, profile)


def _how(profile: Profile) -> str:
    if profile.protocol != "modbus":
        what = "a broker" if profile.protocol == "mqtt" else "an OPC UA server"
        return f"the name of {what} from `connections:`"
    return "a URL such as `modbus-tcp://10.0.0.11:502/1`, or the name of a connection with `modbus-tls://`"


def _topic(subject: Subject, device: Device, profile: Profile) -> Iterator[Diagnostic]:
    topic = device.section.topic
    whole_ones = getattr(device.section, "topics", None)
    named = whole_ones is not None and None not in (whole_ones.telemetry, whole_ones.command, whole_ones.acknowledge)
    if profile.protocol == "mqtt" and topic is None and not named:
        message = f"`{profile.name}` speaks MQTT and needs `topic`"
        yield subject.key_problem("E507", message, "write the device's own topic, e.g. `plant/bess1`", *device.at)
    if profile.protocol != "mqtt" and topic is not None:
        yield subject.key_problem("E507", "`topic` means nothing to this device", "remove it", *device.at, "topic")
    yield from _own_topics(subject, device, profile)
    if profile.protocol == "opcua" and device.section.node is None:
        message = f"`{profile.name}` speaks OPC UA and needs `node`"
        yield subject.key_problem("E507", message, 'write the device\'s own node, e.g. `"ns=2;s=ESS"`', *device.at)
    if profile.protocol != "opcua" and device.section.node is not None:
        yield subject.key_problem("E507", "`node` means nothing to this device", "remove it", *device.at, "node")


def _own_topics(subject: Subject, device: Device, profile: Profile) -> Iterator[Diagnostic]:
    """Whole topics of one asset: on MQTT only, and what it listens to is not what it publishes."""
    own, at = getattr(device.section, "topics", None), (*device.at, "topics")
    if own is None:
        return
    if profile.protocol != "mqtt":
        yield subject.key_problem("E507", "`topics` mean nothing to this device", "remove them", *at)
        return
    topics = whole(device.id, device.section.topic, profile.topics, own)
    listens = topics.pop("command")
    same = next((name for name, topic in topics.items() if canonical_topic(topic) == canonical_topic(listens)), None)
    if same is not None:
        message = f"it listens where it publishes its {same}"
        yield subject.key_problem("E507", message, "give its commands a topic of their own", *at)


def apart(subject: Subject) -> Iterator[Diagnostic]:
    """No two devices are the same one: two writers on one device would be two masters."""
    taken: dict[tuple[object, ...], Device] = {}
    for second in subject.devices:
        first = next((taken[key] for key in _reached(subject, second) if key in taken), None)
        if first is not None:
            what = next((key for key in ("topic", "node") if getattr(second.section, key) is not None), "connect")
            yield subject.problem(
                "E312",
                f"`{second.id}` and `{first.id}` are the same device",
                "give every device an address or a topic of its own",
                *second.at,
                what,
                first=((*first.at, what), "used here"),
            )
        for key in _occupied(subject, second):
            taken.setdefault(key, second)


def _reached(subject: Subject, device: Device) -> list[tuple[object, ...]]:
    """What must be free for a device: its address; its topics, those above them, and that nothing stands below."""
    if not device.topics:
        return _occupied(subject, device)
    found: list[tuple[object, ...]] = []
    for topic in map(canonical_topic, device.topics.values()):
        parts = topic.split("/")
        found += [("topic", "/".join(parts[:length])) for length in range(1, len(parts) + 1)]
        found.append(("above", topic))
    return found


def _occupied(subject: Subject, device: Device) -> list[tuple[object, ...]]:
    if device.topics:
        found: list[tuple[object, ...]] = []
        for topic in map(canonical_topic, device.topics.values()):
            parts = topic.split("/")
            found += [("topic", topic), *(("above", "/".join(parts[:length])) for length in range(1, len(parts)))]
        return found
    address = subject.address(device.section.connect)
    if address is not None and address.scheme == "opc.tcp":
        return [("opcua", canonical_host(address.host), address.port, device.section.node)]
    if address is None or address.scheme not in MODBUS:
        return []
    units = address.units or (address.unit,)
    return [("modbus", canonical_host(address.host), address.port, unit) for unit in units]


def bands(subject: Subject) -> Iterator[Diagnostic]:
    """Each band has an inside, and the least power is below the rated one."""
    for name, asset in subject.definition.assets.items():
        for key, band in (("soc", asset.soc), ("temperature", asset.temperature)):
            if band.min >= band.max:
                place = "min" if ("assets", name, key, "min") in subject.loaded.spans else "max"
                message = f"`{key}` has no inside: {band.min:g} to {band.max:g}"
                yield subject.problem("E213", message, "`min` is below `max`", "assets", name, key, place)
        for way in ("charge", "discharge"):
            if getattr(asset.min_power, way) >= getattr(asset.rated, way):
                message = f"the least power to {way} is not below the rated one"
                yield subject.problem("E213", message, "lower it", "assets", name, "min_power", way)
        if asset.rated.apparent is not None and asset.rated.apparent < max(asset.rated.charge, asset.rated.discharge):
            message = "the apparent power is below the rated power"
            yield subject.problem(
                "E213", message, "at least as much as the rated power", "assets", name, "rated", "apparent"
            )


def ratings(subject: Subject) -> Iterator[Diagnostic]:
    """Limits only shrink: no rating is above the profile's."""
    for name, asset in subject.definition.assets.items():
        profile = subject.profiles.get(name)
        if profile is None or profile.ratings is None:
            continue
        for key, unit in (("charge", "kW"), ("discharge", "kW"), ("apparent", "kVA")):
            most, written = getattr(profile.ratings, key), getattr(asset.rated, key)
            if most is not None and written is not None and written > most:
                message = f"`{profile.name}` is rated {most:g} {unit}"
                first = (("assets", name, "profile"), "its profile")
                place = ("assets", name, "rated", key)
                yield subject.problem("E306", message, f"at most `{most:g} {unit}`", *place, first=first)


def freshness(subject: Subject) -> Iterator[Diagnostic]:
    """Nothing is declared stale before it can have come again."""
    for device in subject.devices:
        least = max(device.profile.poll if device.profile else 0.0, subject.definition.site.cycle)
        if device.section.stale_after <= least:
            message = f"`{device.id}` would always be stale: it comes every {least:g} s"
            yield subject.problem("E315", message, f"more than `{2 * least:g} s`", *device.at, "stale_after")


def reversion(subject: Subject) -> Iterator[Diagnostic]:
    """A command ends, and a stop ramp is over, before the device acts on its own (E311, E316)."""
    valid_for, cycle = subject.definition.chain.command.valid_for, subject.definition.site.cycle
    if valid_for <= cycle:
        message = f"a command would end before the next one: the cycle is {cycle:g} s"
        yield subject.problem("E314", message, f"at least `{2 * cycle:g} s`", "chain", "command", "valid_for")
    for name, asset in subject.definition.assets.items():
        profile = subject.profiles.get(name)
        if profile is None or profile.watchdog is None:
            continue
        reverts = profile.watchdog.reverts_after
        if valid_for >= reverts:
            message = f"a command holds {valid_for:g} s, and `{name}` reverts after {reverts:g} s without one"
            first = (("assets", name, "profile"), "its profile says so")
            advice = f"less than `{reverts:g} s`"
            yield subject.problem("E311", message, advice, "chain", "command", "valid_for", first=first)
        seldom = len(profile.write_order) / asset.write_budget.per_second if asset.write_budget is not None else 0.0
        if 2 * seldom >= reverts:
            message = f"with this budget `{name}` is written once in {seldom:g} s, too seldom for its watchdog"
            first = (("assets", name, "profile"), "its profile says so")
            place = ("assets", name, "write_budget", "per_second")
            yield subject.problem("E311", message, "allow more writes in a second", *place, first=first)
        if profile.watchdog.every < cycle or 2 * cycle >= reverts:
            message = f"`{name}` is written once in {cycle:g} s, too seldom for its watchdog"
            first = (("assets", name, "profile"), "its profile says so")
            yield subject.problem("E311", message, "use a shorter `cycle`", "site", "cycle", first=first)
        if asset.ramp.stop is not None and max(asset.rated.charge, asset.rated.discharge) / asset.ramp.stop >= reverts:
            message = f"a stop from rated power would last longer than the device's own reversion, {reverts:g} s"
            yield subject.problem("E316", message, "use a faster ramp, or `at_once`", "assets", name, "ramp", "stop")


def identities(subject: Subject) -> Iterator[Diagnostic]:
    """Who a device must be can be read from it (E510)."""
    for name, asset in subject.definition.assets.items():
        profile = subject.profiles.get(name)
        if profile is None or asset.identity is None:
            continue
        for key in asset.identity.model_dump(exclude_none=True):
            if key not in profile.identity:
                message = f"`{profile.name}` cannot read the {key} of a device"
                first = (("assets", name, "profile"), "its profile")
                advice = f"add `{key}` under the profile's `identity`, or leave it out"
                yield subject.key_problem("E510", message, advice, "assets", name, "identity", key, first=first)


def found(subject: Subject) -> Iterator[Diagnostic]:
    """One of several units is a device only when something of it tells them apart (E513)."""
    for device in subject.devices:
        address, identity = subject.address(device.section.connect), getattr(device.section, "identity", None)
        told = device.profile is None or device.profile.expects or (identity is not None and identity.model_fields_set)
        if address is not None and address.units and not told:
            message = "one of several units, and neither its profile `expects` anything nor it has an `identity`"
            yield subject.problem("E513", message, "name its unit, or what tells it apart", *device.at, "connect")
    for name, signal in subject.definition.inputs.items():
        address = subject.address(signal.connect)
        if address is not None and address.units:
            yield subject.problem("E513", "an input is at one unit", "name it", "inputs", name, "connect")


def logins(subject: Subject) -> Iterator[Diagnostic]:
    """A device that is logged in to has the number for it, and no other has one (E512)."""
    for name, asset in subject.definition.assets.items():
        profile, at = subject.profiles.get(name), ("assets", name, "password")
        if profile is None:
            continue
        first, found = (("assets", name, "profile"), "its profile"), secret_point(profile)
        if found is None and asset.password is not None:
            message = f"`{profile.name}` has no write point that is a `secret`"
            yield subject.key_problem("E512", message, "remove it", *at, first=first)
        elif found is not None and asset.password is None:
            message = f"`{profile.name}` is logged in to by `{found[0]}`, and there is no `password`"
            yield subject.key_problem("E512", message, "write `password: !secret name`", "assets", name, first=first)
        elif found is not None and asset.password is not None and number(asset.password, found[1]) is None:
            message = f"the secret `{asset.password.name}` is no whole number that {found[1].type} holds"
            if not subject.stub:
                yield subject.problem("E512", message, "put e.g. `4711` or `0x1267` into its file", *at, first=first)
