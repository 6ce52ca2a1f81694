"""The kernels and terms of the chain as a whole: which there are, and running on their plain twins instead.

The twin of a kernel calls its terms through its module; replacing the names in every module replaces those too, so that
nothing compiled is left.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

import jit
from jit import build
from jit.build import plain

#: A module, a name in it, and the kernel or term behind the name.
Named = tuple[ModuleType, str, Any]


def compiled_names() -> list[Named]:
    """Every kernel and term that a module calls; empty when nothing is compiled."""
    modules = [importlib.import_module(f"jit.{module.name}") for module in pkgutil.iter_modules(jit.__path__)]
    return [
        (module, name, value)
        for module in modules
        for name, value in vars(module).items()
        if plain(value) is not value and callable(value)
    ]


def fall_back(reason: str) -> list[Named]:
    """From now on the plain twins run, and `build.compiled()` says why. Returns what ran until now."""
    kept = compiled_names()
    for module, name, function in kept:
        setattr(module, name, plain(function))
    build.give_up(reason)
    return kept


@contextmanager
def direct() -> Iterator[None]:
    """Within it a kernel is called at its entry point: the same machine code, without a look at every argument's type.

    For a replay, where every result is compared with what the checked calls gave; never for what is commanded.
    """
    entered = [named for named in compiled_names() if _entry(named[2]) is not None]
    for module, name, function in entered:
        setattr(module, name, _entry(function))
    try:
        yield
    finally:
        for module, name, function in entered:
            setattr(module, name, function)


def _entry(function: Any) -> Any:
    """The one entry point of a kernel; None for a term, which only kernels call."""
    compiled = list(getattr(function, "overloads", {}).values())
    signed = not getattr(function, "_can_compile", True)
    return compiled[0].entry_point if signed and len(compiled) == 1 else None


@contextmanager
def on_twins() -> Iterator[None]:
    """Within it the chain runs on plain Python alone; warnings of NumPy's scalars say nothing and are silent."""
    kept = compiled_names()
    for module, name, function in kept:
        setattr(module, name, plain(function))
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        for module, name, function in kept:
            setattr(module, name, function)
