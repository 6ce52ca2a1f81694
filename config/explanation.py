"""What is told about an error code: a title, why it is refused, and an example of both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """`wrong` and `right` are pieces of YAML; empty where an example says nothing."""

    title: str
    text: str
    wrong: str = ""
    right: str = ""
