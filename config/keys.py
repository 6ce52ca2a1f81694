"""The keys that a model knows, found by the location of an error: for `did you mean …?`.

("assets", "bess1", "soc") ──► SocBand ──► ("min", "max")
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from config.section import OneKey


def keys_at(model: type[BaseModel], location: Sequence[str | int]) -> tuple[str, ...]:
    """The keys of the mapping at `location`, as a user writes them; empty when it is not a fixed set."""
    current: Any = model
    for part in location:
        current = _below(current, part)
    found = _models(current)
    return tuple(_written(found[0])) if len(found) == 1 else ()


def required_at(model: type[BaseModel], location: Sequence[str | int]) -> tuple[str, ...]:
    """Those of them without a default."""
    current: Any = model
    for part in location:
        current = _below(current, part)
    found = _models(current)
    return tuple(key for key, field in _written(found[0]).items() if field.is_required()) if len(found) == 1 else ()


def path(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """A location as a user knows it: `requests.day_ahead` for ("requests", 1, "schedule"), else joined by points."""
    parts: list[str] = []
    current: Any = model
    for part in location:
        if not (isinstance(part, int) and any(issubclass(item, OneKey) for item in _models(_below(current, part)))):
            found = _models(current)
            forms = found[0].forms if len(found) == 1 and issubclass(found[0], OneKey) else {}
            kinds = [kind for kind, member in forms.items() if member == part]
            parts.append(kinds[0] if len(kinds) == 1 else str(part))
        current = _below(current, part)
    return ".".join(parts)


def _written(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _below(annotation: Any, part: str | int) -> Any:
    models = _models(annotation)
    if len(models) > 1:  # a union told apart by a tag, which stands in the location
        return next((model for model in models if part in _tags(model)), None)
    if models:
        field = _written(models[0]).get(str(part))
        return None if field is None else field.annotation
    for option in _options(annotation):
        if get_origin(option) is dict:
            return get_args(option)[1]
        if get_origin(option) is list:
            return get_args(option)[0]
    return None


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [option for option in _options(annotation) if isinstance(option, type) and issubclass(option, BaseModel)]


def _options(annotation: Any) -> list[Any]:
    """The annotation without Annotated, as a list of what it may be."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _options(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return [option for part in get_args(annotation) for option in _options(part)]
    return [annotation]


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("type")
    return get_args(field.annotation) if field is not None and get_origin(field.annotation) is Literal else ()
