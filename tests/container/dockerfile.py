"""Reads our Dockerfile: stages and their steps, continued lines joined. Only what our file uses is understood."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK",
         "STOPSIGNAL", "ENTRYPOINT", "CMD"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    word: str
    text: str


@dataclass(slots=True)
class Stage:
    name: str
    steps: list[Step] = field(default_factory=list)

    def last(self, word: str) -> str:
        """The text of the last step of this kind; empty: there is none."""
        return next((step.text for step in reversed(self.steps) if step.word == word), "")

    def command(self, word: str) -> list[str]:
        """The JSON form of ENTRYPOINT or CMD; of HEALTHCHECK what stands behind CMD."""
        found: list[str] = json.loads(self.last(word)[self.last(word).index("[") :])
        return found


def read_stages(path: Path) -> list[Stage]:
    """The stages in their order. ValueError for a step that is not understood."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        word, _, text = line.strip().partition(" ")
        if word not in KNOWN:
            raise ValueError(f"{path}: {word} is not understood")
        if word == "FROM":
            stages.append(Stage(text.rpartition(" AS ")[2]))
        elif stages:
            stages[-1].steps.append(Step(word, text.strip()))
    return stages


def assignments(text: str) -> dict[str, str]:
    """`A=1 B="two words"` of ENV."""
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', text)}
