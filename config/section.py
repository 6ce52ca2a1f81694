"""The base of every section of a definition, and the texts that keys hold: names, places, topics, time zones.

    Section   unknown keys are errors, values are immutable
    OneKey    an entry of a list where the order means something: one key, its kind, as in `- day_ahead: {…}`
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.address import AddressError, check_topic, parse_listen, parse_push, parse_url
from config.quantity import refusal

RESERVED = frozenset({"all", "site", "assets", "requests", "ancillary", "connections", "outputs", "endpoint", "chain"})


def _name(text: str) -> str:
    """Names become node ids, topics, metric labels and file names."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,39}", text):
        raise refusal("E109", "this is not a name", "a letter, then letters, digits, `_` or `-`, at most 40")
    if text in RESERVED:
        raise refusal("E109", f"`{text}` has a meaning of its own", "choose another name")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except Exception:  # ZoneInfo raises six kinds for six kinds of nonsense
        raise refusal("E215", "this is not a time zone", "write its name, e.g. `Europe/Berlin` or `UTC`") from None
    return text


def _refused(check: Callable[[str], object]) -> Callable[[str], str]:
    def validate(text: str) -> str:
        try:
            check(text)
        except AddressError as error:
            raise refusal(error.code, error.message, error.help) from None
        return text

    return validate


def _connect(text: str) -> str:
    return _refused(parse_url)(text) if "://" in text else _name(text)


def _point(text: str) -> str:
    """`soc`, `site.poc.frequency`: names with points between them."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*){0,5}", text) or len(text) > 120:
        raise refusal("E219", "this is not the name of a node or point", "write e.g. `site.poc` or `bess1.soc`")
    return text


# `x-type` is the word for a type in the reference.
Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"x-type": "name"})]
Zone = Annotated[str, AfterValidator(_zone), Field(json_schema_extra={"x-type": "time zone"})]
Url = Annotated[str, AfterValidator(_refused(parse_url)), Field(json_schema_extra={"x-type": "URL"})]
PushUrl = Annotated[str, AfterValidator(_refused(parse_push)), Field(json_schema_extra={"x-type": "URL"})]
Connect = Annotated[str, AfterValidator(_connect), Field(json_schema_extra={"x-type": "URL or name of a connection"})]
Listen = Annotated[str, AfterValidator(_refused(parse_listen)), Field(json_schema_extra={"x-type": "host:port"})]
Topic = Annotated[str, AfterValidator(_refused(check_topic)), Field(json_schema_extra={"x-type": "MQTT topic"})]
NodeId = Annotated[str, AfterValidator(_point), Field(json_schema_extra={"x-type": "node id"})]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class OneKey(Section):
    """An entry with one key, its kind. `forms` names for every kind the member that holds what stands below it."""

    forms: ClassVar[dict[str, str]] = {}
    noun: ClassVar[str] = "entry"

    kind: str

    @property
    def content(self) -> Any:
        """What stands below the kind."""
        return getattr(self, self.forms[self.kind])
