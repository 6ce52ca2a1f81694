"""MQTT topics of a device: as its profile names them below the asset's own, and as one asset names them whole.

    profile   topics: { telemetry: telemetry, command: command, acknowledge: command/ack, status: status, fault: fault }
    asset     topics: { command: cmnd/bess1/set }          whole topics: what stands here goes before the profile's

Telemetry is measured from. `status` and `fault` can only take permission away (`sources.mqtt.notices`); without them
nothing is listened to. Quality of service is 0 or 1. A command always has 1: the broker's answer is what the next one
waits for, and without it they would pile up on a line that stalls and arrive late (seen: 46 of them after 0.8 s); 2
would only add two more ways there and back, and what 1 sends twice is recognised by its id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from config.section import Section, Topic

PARTS = ("telemetry", "command", "acknowledge", "status", "fault")
MEASURED = ("telemetry", "status", "fault")
PART = re.compile(r"[^\x00-\x20\x7f+#$]{0,100}")

Service = Annotated[int, Field(strict=True, ge=0, le=1)]


class Qos(Section):
    """Quality of service per topic: 0 sent once and perhaps lost, 1 until the broker has it."""

    telemetry: Service = Field(1, description="at which telemetry, status and fault are subscribed to", examples=[0])
    acknowledge: Service = Field(1, description="at which acknowledgements are subscribed to")


class Topics(Section):
    """MQTT topics below the asset's `topic` prefix; `{asset}` is the asset's id."""

    telemetry: str = Field("telemetry", description="where it publishes")
    command: str = Field("command", description="where it listens")
    acknowledge: str = Field("command/ack", description="where it acknowledges")
    status: str | None = Field(
        None, description="where it says that it is not available; none: not listened to", examples=["status"]
    )
    fault: str | None = Field(
        None, description="where it says that it has a fault; none: not listened to", examples=["fault"]
    )
    qos: Qos = Field(Qos(), description="quality of service per topic")


class AssetTopics(Section):
    """Whole topics of one asset, each instead of the profile's."""

    telemetry: Topic | None = Field(None, description="where it publishes", examples=["tele/bess1"])
    command: Topic | None = Field(None, description="where it listens", examples=["cmnd/bess1/set"])
    acknowledge: Topic | None = Field(None, description="where it acknowledges", examples=["stat/bess1/result"])
    status: Topic | None = Field(
        None, description="where it says that it is not available", examples=["stat/bess1/status"]
    )
    fault: Topic | None = Field(None, description="where it says that it has a fault", examples=["stat/bess1/fault"])
    qos: Qos | None = Field(None, description="quality of service per topic, instead of the profile's")


def topic_of(prefix: str, part: str, asset: str) -> str:
    """A device's topic: `prefix/part`; an empty part is the prefix itself, and `{asset}` is the asset's id."""
    return "/".join(piece for piece in (prefix.strip("/"), part.strip("/")) if piece).replace("{asset}", asset)


def default_prefix(asset: str) -> str:
    """Where an asset without a `topic` of its own is."""
    return f"battery/{asset}"


def whole(
    asset: str, prefix: str | None, topics: Topics, own: AssetTopics | None = None, parts: Sequence[str] = PARTS
) -> dict[str, str]:
    """The topics of a device that are used, of `parts`, by what they are for."""
    found: dict[str, str] = {}
    for name in parts:
        said = None if own is None else getattr(own, name)
        part = getattr(topics, name)
        if said is not None:
            found[name] = said.replace("{asset}", asset)
        elif part is not None:
            found[name] = topic_of(prefix or default_prefix(asset), part, asset)
    return found
