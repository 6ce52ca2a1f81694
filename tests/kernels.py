"""Kernels of the chain for tests: every one of them by name, with its plain twin, and a switch to run on the twins.

The twin of a kernel calls its terms through its module; `on_twins` replaces those too: nothing compiled is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from jit import limits, measure, project, resolve, signals, states, unknown
from jit.build import plain

MODULES: tuple[ModuleType, ...] = (signals, measure, states, limits, resolve, project, unknown)

#: Kernels in the order of the chain. `command` and `ramp` share a module with `constrain`.
KERNELS: dict[str, tuple[ModuleType, str]] = {
    "age": (signals, "age"),
    "measure": (measure, "measure"),
    "receive": (signals, "receive"),
    "follow": (measure, "follow"),
    "measure_site": (measure, "measure_site"),
    "advance": (states, "advance"),
    "band": (limits, "band"),
    "resolve": (resolve, "resolve"),
    "respond": (resolve, "respond"),
    "constrain": (project, "constrain"),
    "ramp": (project, "ramp"),
    "command": (project, "command"),
    "canonical": (unknown, "canonical"),
}
TERMS: dict[ModuleType, tuple[str, ...]] = {
    signals: (),
    measure: ("permit_of", "bad_bits", "proven_age"),
    states: (),
    limits: ("bms", "taper", "energy", "stopping", "worst"),
    resolve: ("stored", "room", "headroom"),
    project: ("clamp", "toward_zero", "rise", "proven", "together"),
    unknown: ("canonical_row",),
}


def names() -> list[tuple[ModuleType, str]]:
    """Every kernel and every term."""
    return [*KERNELS.values(), *((module, term) for module, terms in TERMS.items() for term in terms)]


@contextmanager
def on_twins() -> Iterator[None]:
    """Within it the chain runs on plain Python alone; warnings of NumPy's scalars say nothing and are silent."""
    kept: list[tuple[ModuleType, str, Callable[..., Any]]] = [(m, n, getattr(m, n)) for m, n in names()]
    for module, name, function in kept:
        setattr(module, name, plain(function))
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        for module, name, function in kept:
            setattr(module, name, function)
