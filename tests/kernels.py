"""Kernels of the chain for tests: every one of them, found by its plain twin, and a switch to run on the twins.

The twin of a kernel calls its terms through its module; `on_twins` replaces those too: nothing compiled is left.
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
from jit.build import plain

MODULES: tuple[ModuleType, ...] = tuple(
    importlib.import_module(f"jit.{module.name}") for module in pkgutil.iter_modules(jit.__path__)
)


def compiled_names() -> list[tuple[ModuleType, str, Any]]:
    """(module, name, function) of every kernel and term that a module calls; empty when nothing is compiled."""
    return [
        (module, name, value)
        for module in MODULES
        for name, value in vars(module).items()
        if plain(value) is not value and callable(value)
    ]


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
