"""`bess-pipeline list`: what a definition can be made of, each with one line, and what nothing acts on yet."""

from __future__ import annotations

from config import catalogue
from config.door import OUTPUT_TYPES
from config.request import Request
from config.reserve import Limit, Service
from config.schema import definition_schema
from config.section import OneKey
from config.transform import Transform
from config.units import DIMENSIONS
from pipeline.rules.support import LATER

_MODELS = (
    "PostgresOutput", "MqttOutput", "HttpOutput", "OpcuaServerOutput", "ModbusServerOutput", "RecordingOutput",
    "PluginOutput",
)  # fmt: skip
_OUTPUTS = dict(zip(OUTPUT_TYPES, _MODELS, strict=True))


def inventory() -> dict[str, dict[str, str]]:
    """Heading → name → one line."""
    return {
        "profiles": {name: catalogue.profile(name).title for name in catalogue.names()},
        "requests": _kinds(Request, "requests"),
        "services": _kinds(Service, "ancillary"),
        "limits": _kinds(Limit, "limits"),
        "transforms": _kinds(Transform, "transform"),
        "outputs": _outputs(),
        "units": {dimension.name: ", ".join(dimension.units) for dimension in DIMENSIONS},
    }


def _kinds(model: type[OneKey], section: str) -> dict[str, str]:
    later = ("requests", "*", "schedule", "transform") in LATER if model is Transform else False
    return {
        kind: (model.model_fields[member].description or "")
        + (" (not acted on in this version)" if later or (section, "*", member) in LATER else "")
        for kind, member in model.forms.items()
    }


def _outputs() -> dict[str, str]:
    sections = definition_schema()["$defs"]
    return {name: sections[model]["description"] for name, model in _OUTPUTS.items()}
