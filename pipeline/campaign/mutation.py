"""Seeded mutants of the safety core: small defects by name, each put in place of the truth in one process alone.

    - name: no final clamp
      file: sinks/modbus/values.py
      old: return min(max(kw, -charge), discharge)
      new: return kw
      why: a command beyond the rating leaves

They stand in `mutants.yaml`. The source of one module is changed as it is imported; nothing is written. `old` has to
stand in its file exactly once: a mutant that no longer fits is an error, and a test.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent.parent
LISTED = Path(__file__).with_name("mutants.yaml")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`smoke`: one of those that the short campaign looks for."""

    name: str
    file: str
    old: str
    new: str
    why: str
    smoke: bool = False

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    def source(self) -> str:
        """The changed source. Raises ValueError when the mutant no longer fits."""
        text = (ROOT / self.file).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"mutant {self.name!r}: its old text stands {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


def mutants() -> tuple[Mutant, ...]:
    """Every mutant, in the order of the list."""
    return tuple(Mutant(**entry) for entry in YAML(typ="safe", pure=True).load(LISTED.read_text()))


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another source."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant, self.text = mutant, mutant.source()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None  # noqa: ARG002  # the protocol's
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name == self.mutant.module else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(ROOT / self.mutant.file)
        exec(compile(self.text, module.__file__, "exec"), vars(module))  # noqa: S102  # that is the point


def in_place(name: str) -> None:
    """From now on this process imports the mutant. Raises ValueError when its module is imported already.

    With a mutant among the kernels the plain twins run: what is compiled comes from the cache, and is the truth.
    """
    mutant = next(mutant for mutant in mutants() if mutant.name == name)
    if mutant.file.startswith("jit/"):
        os.environ["BESS_PIPELINE_PLAIN"] = "1"
    if mutant.module in sys.modules:
        raise ValueError(f"{mutant.module} is imported already: the mutant {name!r} would not be in place")
    sys.meta_path.insert(0, _Changed(mutant))
