"""The JSON Schema of the language (draft 2020-12), made from the models: for editors, and for the reference.

    models ──► { properties, description, default, examples, x-type, x-unit, x-range } ──► `docs/definition.md`

It describes the file as it is written: quantities as text with a unit, requests as entries of one key, `ramp: 50 kW/s`,
`defaults:`, `x-` keys, node ids in tests. What only the checker knows (names of other sections, sums, order) it lets
pass; it never refuses a file that `check` accepts. A key that may hold `${NAME}` has no pattern.
"""

from __future__ import annotations

import re
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.asset import SHARED, Asset, RampRates
from config.definition import Definition
from config.plain import VARIABLE_KEYS
from config.profile import Profile
from config.quantity import Quantity, QuantityOr, Secret
from config.rehearsal import Expectation, Leaf, Moment, Values
from config.section import NodeId, OneKey
from config.units import Dimension, brief

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NAME_PATTERN = "^[A-Za-z][A-Za-z0-9_-]{0,39}$"
PARTIAL = "Partial"

Schema = dict[str, Any]

_NUMBER = r"(0|[1-9][0-9]*)(\.[0-9]+)?"
_X = {"^x-": {"description": "left out: a place for anchors and notes"}}
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Secret: {"type": "string", "x-type": "secret: `!secret name`"},
    Any: {},
    object: {},
}


def definition_schema() -> Schema:
    """The schema of a definition."""
    builder = _Builder()
    root = builder.section(Definition)
    root["properties"]["defaults"] = builder.defaults()
    order = ["version", "site", "defaults", *(key for key in root["properties"] if key not in ("version", "site"))]
    root["properties"] = {key: root["properties"][key] for key in dict.fromkeys(order)}
    return {"$schema": DRAFT, "title": "bess-pipeline definition", **root, "$defs": builder.definitions}


def profile_schema() -> Schema:
    """The schema of a device profile in a file of its own."""
    builder = _Builder()
    root = builder.section(Profile)
    return {"$schema": DRAFT, "title": "bess-pipeline device profile", **root, "$defs": builder.definitions}


class _Builder:
    """Sections become `$defs` once; a *partial* one requires nothing, because `defaults:` or `extends:` fill it."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def reference(self, model: type[BaseModel], *, partial: bool = False) -> Schema:
        name = f"{PARTIAL if partial else ''}{model.__name__}"
        if name not in self.definitions:
            self.definitions[name] = {}  # a section may hold itself
            self.definitions[name] = self.section(model, partial=partial)
        return {"$ref": f"#/$defs/{name}"}

    def section(self, model: type[BaseModel], *, partial: bool = False) -> Schema:
        if model is Moment or model is Expectation:
            return self._levels(model)
        if issubclass(model, OneKey):
            return self._one_key(model)
        properties, required = {}, []
        for name, field in model.model_fields.items():
            key = field.alias or name
            properties[key] = self._field(model, key, field, partial=partial)
            if field.is_required() and not partial and not (model is Asset and name in SHARED):
                required.append(key)
        return _object(_summary(model), properties, required)

    def defaults(self) -> Schema:
        """`defaults:`, the keys that every asset may share."""
        properties = {
            name: self._field(Asset, name, field, partial=True)
            for name, field in Asset.model_fields.items()
            if name in SHARED
        }
        for schema in properties.values():
            schema.pop("default", None)
        return _object("keys of an asset, applied to every one of them, then overridden per asset", properties, [])

    def _field(self, model: type[BaseModel], key: str, field: FieldInfo, *, partial: bool) -> Schema:
        annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        if model is Definition and key == "profiles":
            schema = self._profiles()
        else:
            shared = partial or (model is Asset and key in SHARED)
            schema = dict(self._type(annotation, partial=shared))
        schema |= _described(field, dimension_of(field))
        if isinstance(field.json_schema_extra, dict):
            schema |= field.json_schema_extra
        if key in VARIABLE_KEYS:
            schema.pop("pattern", None)
        return schema

    def _type(self, annotation: Any, *, partial: bool = False) -> Schema:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._annotated(arguments[0], arguments[1:], partial=partial)
        if annotation == Leaf:
            return {"type": ["string", "number", "boolean"]}
        if origin in {Union, types.UnionType}:
            options = [option for option in arguments if option is not type(None)]
            found = [self._type(option, partial=partial) for option in options]
            return found[0] if len(found) == 1 else {"oneOf": found}
        if origin is Literal:
            return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
        if annotation == Values:
            return self._nested()
        if origin is list:
            return {"type": "array", "items": self._type(arguments[0])}
        if origin is tuple:
            return {"type": "array", "items": self._type(arguments[0]), "minItems": 2, "maxItems": len(arguments)}
        if origin is dict:
            return self._mapping(*arguments, partial=partial)
        if annotation is RampRates:
            rate = self._type(RampRates.model_fields["up"].annotation)
            rate |= _described(RampRates.model_fields["up"], None)
            up = quantity_of(RampRates.model_fields["up"])
            rate = {**(_quantity(up) if up else rate), "description": "the same up and down"}
            return {"anyOf": [rate, self.reference(RampRates, partial=True)]}
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.reference(annotation, partial=partial)
        return dict(_PLAIN[annotation])

    def _annotated(self, inner: Any, metadata: tuple[Any, ...], *, partial: bool) -> Schema:
        schema = dict(self._type(inner, partial=partial))
        for mark in metadata:
            if isinstance(mark, BeforeValidator) and isinstance(mark.func, Quantity | QuantityOr):
                schema = _quantity(mark.func)
            elif isinstance(mark, FieldInfo):
                schema |= self._annotated(inner, tuple(mark.metadata), partial=partial) if mark.metadata else {}
                schema |= mark.json_schema_extra if isinstance(mark.json_schema_extra, dict) else {}
            else:
                schema |= _bound(mark, schema.get("type"))
        if schema.get("x-type") == "name":
            schema["pattern"] = NAME_PATTERN
        return schema

    def _mapping(self, key: Any, value: Any, *, partial: bool) -> Schema:
        schema: Schema = {"type": "object", "additionalProperties": self._type(value, partial=partial)}
        if key is int:
            schema["propertyNames"] = {"pattern": "^(0|[1-9][0-9]*)$"}
        elif get_origin(key) is Literal:
            schema["propertyNames"] = {"enum": list(get_args(key))}
        else:
            schema["patternProperties"] = _X
            if key is not str and key is not NodeId:
                schema["propertyNames"] = {"pattern": f"({NAME_PATTERN})|^x-"}
        return schema

    def _one_key(self, model: type[OneKey]) -> Schema:
        properties = {}
        for kind, member in model.forms.items():
            properties[kind] = self._field(model, kind, model.model_fields[member], partial=False)
            properties[kind].pop("default", None)
        return _object(_summary(model), properties, []) | {"minProperties": 1, "maxProperties": 1}

    def _profiles(self) -> Schema:
        profile = self.reference(Profile, partial=True)
        held = self.definitions[f"{PARTIAL}Profile"]["properties"]
        held.pop("name", None)
        held["extends"] = {
            "type": "string", "description": "the profile below this one, built in or of this file",
            "examples": ["sunspec-storage"],
        }  # fmt: skip
        return {"type": "object", "additionalProperties": profile, "patternProperties": _X}

    def _nested(self) -> Schema:
        self.definitions.setdefault("Levels", {
            "type": "object",
            "description": "node ids, dotted or nested, and their values",
            "additionalProperties": {"anyOf": [self._type(Leaf), {"$ref": "#/$defs/Levels"}]},
        })  # fmt: skip
        return {"$ref": "#/$defs/Levels"}

    def _levels(self, model: type[BaseModel]) -> Schema:
        fields = {key: field for key, field in model.model_fields.items() if key != "values"}
        properties = {key: self._field(model, key, field, partial=False) for key, field in fields.items()}
        self._nested()
        schema = _object(_summary(model), properties, ["at"] if model is Moment else [])
        schema["additionalProperties"] = self.definitions["Levels"]["additionalProperties"]
        return schema


def dimension_of(field: FieldInfo) -> Dimension | None:
    """The dimension of a field that holds a quantity; None for any other."""
    found = quantity_of(field)
    return None if found is None else (found.quantity if isinstance(found, QuantityOr) else found).dimension


def quantity_of(field: FieldInfo) -> Quantity | QuantityOr | None:
    """The validator of a field that holds a quantity."""
    return quantity_in(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)


def quantity_in(annotation: Any) -> Quantity | QuantityOr | None:
    """The validator of a quantity in an annotation."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return next((found for option in get_args(annotation) if (found := quantity_in(option)) is not None), None)
    if get_origin(annotation) is not Annotated:
        return None
    for mark in get_args(annotation)[1:]:
        if isinstance(mark, BeforeValidator) and isinstance(mark.func, Quantity | QuantityOr):
            return mark.func
    return quantity_in(get_args(annotation)[0])


def _object(description: str, properties: dict[str, Schema], required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "description": description, "properties": properties}
    if required:
        schema["required"] = required
    return {**schema, "patternProperties": _X, "additionalProperties": False}


def _summary(model: type[BaseModel]) -> str:
    """The first paragraph of a section's own words."""
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())


def _quantity(found: Quantity | QuantityOr) -> Schema:
    if isinstance(found, QuantityOr):
        plain = _quantity(found.quantity)
        return {"anyOf": [{"type": "string", "pattern": plain["pattern"]}, {"const": found.word}],
                "x-type": f"{plain['x-type']}, or `{found.word}`", "x-unit": plain["x-unit"],
                "x-range": plain["x-range"]}  # fmt: skip
    units = "|".join(re.escape(unit) for unit in found.dimension.units)
    sign = "-?" if found.low is None or found.low < 0 else ""
    return {
        "type": "string",
        "pattern": f"^{sign}{_NUMBER} ?({units})$",
        "x-type": found.dimension.name,
        "x-unit": found.dimension.example,
        "x-range": _range(found),
    }


def _range(found: Quantity) -> str:
    low = None if found.low is None else brief(found.low, found.dimension)
    high = None if found.high is None else brief(found.high, found.dimension)
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}" if high is not None else "any sign"


def _bound(mark: Any, kind: Any) -> Schema:
    """A bound of pydantic's in the words of JSON Schema."""
    if isinstance(mark, Ge):
        return {"minimum": mark.ge}
    if isinstance(mark, Gt):
        return {"exclusiveMinimum": mark.gt}
    if isinstance(mark, Le):
        return {"maximum": mark.le}
    what = {"array": "Items", "object": "Properties"}.get(kind, "Length")
    if isinstance(mark, MinLen):
        return {f"min{what}": mark.min_length}
    if isinstance(mark, MaxLen):
        return {f"max{what}": mark.max_length}
    pattern = getattr(mark, "pattern", None)
    return {"pattern": f"^({pattern})$"} if isinstance(pattern, str) else {}


def _described(field: FieldInfo, dimension: Dimension | None) -> Schema:
    schema: Schema = {}
    if field.description:
        schema["description"] = field.description
    default = field.default
    found = quantity_of(field)
    if default is None and isinstance(found, QuantityOr):
        schema["default"] = found.word
    elif default is not None and default is not PydanticUndefined and not isinstance(default, BaseModel):
        schema["default"] = brief(default, dimension) if dimension is not None else default
    if field.examples:
        schema["examples"] = field.examples
    return {key: value for key, value in schema.items() if key != "default" or value not in ({}, [], "")}
