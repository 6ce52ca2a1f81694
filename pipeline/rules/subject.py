"""What a rule looks at: the definition, the profiles it names, and where everything stands.

A rule is a function from a `Subject` to the diagnostics it finds. It never raises, and it looks at nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from config.address import Address, AddressError, parse_url
from config.definition import Asset, Definition, Meter
from config.diagnostics import Diagnostic, Related, Severity
from config.load import Loaded
from config.plain import Location
from config.profile import Profile
from config.topics import PARTS


@dataclass(frozen=True)
class Device:
    """An asset or a meter: its node id, where it stands, its section and its profile (None when there is none)."""

    id: str
    at: Location
    section: Asset | Meter
    profile: Profile | None

    @property
    def topics(self) -> dict[Location, str]:
        """Its own topics as they are on the broker, by where they stand in its section: `{asset}` is its id."""
        own = getattr(self.section, "topics", None)
        said: dict[Location, str | None] = {("topic",): self.section.topic}
        said |= {("topics", name): getattr(own, name) for name in PARTS if own is not None}
        return {place: topic.replace("{asset}", self.id) for place, topic in said.items() if topic is not None}

    @property
    def commanded(self) -> bool:
        return isinstance(self.section, Asset)


@dataclass(frozen=True)
class Subject:
    """`profiles` by node id; `stub`: variables and secrets are stand-ins, so nothing about their text is checked."""

    definition: Definition
    profiles: Mapping[str, Profile]
    loaded: Loaded
    stub: bool = False

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        assets, meters = self.definition.assets.items(), self.definition.site.meters.items()
        return (
            *(Device(name, ("assets", name), asset, self.profiles.get(name)) for name, asset in assets),
            *(Device(f"site.{m}", ("site", "meters", m), meter, self.profiles.get(f"site.{m}")) for m, meter in meters),
        )

    def address(self, connect: str) -> Address | None:
        """The address behind a `connect:` URL or the name of a connection."""
        if "://" not in connect:
            connection = self.definition.connections.get(connect)
            if connection is None:
                return None
            connect = connection.url
        return _parsed(connect)

    def problem(
        self,
        code: str,
        message: str,
        advice: str,
        *at: str | int,
        first: tuple[Location, str] | None = None,
        severity: Severity = "error",
    ) -> Diagnostic:
        """A problem with the value at a location; `first` is a second location and what it has to do with it."""
        related = () if first is None else (Related(self.loaded.key(*first[0]), first[1]),)
        return Diagnostic(code, message, self.loaded.value(*at), advice, related, severity)

    def key_problem(
        self,
        code: str,
        message: str,
        advice: str,
        *at: str | int,
        first: tuple[Location, str] | None = None,
        severity: Severity = "error",
    ) -> Diagnostic:
        """A problem with the key at a location."""
        related = () if first is None else (Related(self.loaded.key(*first[0]), first[1]),)
        return Diagnostic(code, message, self.loaded.key(*at), advice, related, severity)


@lru_cache(maxsize=1024)
def _parsed(url: str) -> Address | None:
    try:
        return parse_url(url)
    except AddressError:
        return None


Rule = Callable[[Subject], Iterator[Diagnostic]]
