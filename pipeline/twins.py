"""Start-up's question to the compiler: do the compiled kernels compute what their plain twins compute?

    the definition's own chain, fed with a fixed pattern of values ──► frames, compiled and plain ──► equal to the bit?

A difference is a defect of the compiler or of its cache. Then the plain twins run, and the log, the alarms and
`/health` say so. Definitions with more than `PLAIN_ASSETS` assets are not compared: the twins would hold up the start.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from loguru import logger

from jit import build, twins
from jit.build import PLAIN_ASSETS
from jit.codes import Quality
from jit.frame import MATRICES, Frame
from pipeline.chain import Entry, stages
from pipeline.compile import Compiled
from pipeline.graph import build as build_graph
from pipeline.graph import fold
from sources.reading import Reading
from sources.tick import Tick

TICKS = 8
START_NS = 1_700_000_000_000_000_000


def settle_kernels(compiled: Compiled) -> None:
    """Say what the kernels run on; on a difference fall back to the plain twins."""
    reason = build.compiled()
    if reason is None and len(compiled.layout.assets) <= PLAIN_ASSETS:
        row = difference(compiled)
        if row is not None:
            reason = f"compiled and plain kernels differ in {row}"
            twins.fall_back(reason)
    if reason is None:
        logger.info("kernels {}: compiled", build.version())
    else:
        logger.warning("kernels {}: PLAIN PYTHON, many times slower: {}", build.version(), reason)


def difference(compiled: Compiled) -> str | None:
    """The first row in which the two differ, None when they are equal to the bit."""
    quick = frames(compiled)
    with twins.on_twins():
        slow = frames(compiled)
    for one, other in zip(quick, slow, strict=True):
        for matrix in MATRICES:
            if getattr(one, matrix).tobytes() != getattr(other, matrix).tobytes():
                return _row(one, other, matrix)
    return None


def frames(compiled: Compiled) -> list[Frame]:
    """Sealed frames of the definition's chain on the pattern, from nothing on."""
    made: list[Frame] = []
    entry = Entry(compiled, armed=True, dropped=lambda *_: None)
    chain = stages(compiled, lambda: 0.0, lambda *_: None)

    def remember(frame: Frame) -> None:
        entry.snapshot.remember(frame)
        made.append(frame)

    graph = build_graph(compiled.layout, ("signals",), chain, (), ())
    fold(entry.frames, graph, remember, {}, lambda *_: None)
    cycle, numbers = compiled.definition.site.cycle, _numbers()
    with np.errstate(all="ignore"):
        for tick in range(TICKS):
            now_s = tick * cycle
            for device, (first, last) in compiled.layout.devices.items():
                values = np.array([next(numbers) for _ in range(first, last)])
                quality = np.where(np.isnan(values), int(Quality.MISSING), int(Quality.VALID))
                entry.signals.on_next(Reading(device, now_s, values, quality))
            entry.signals.on_next(Tick(tick, now_s, START_NS + int(now_s * 1e9), cycle))
    return made


def _numbers() -> Iterator[float]:
    """Numbers between −50 and 100 with a gap now and then: a linear congruence (Lehmer, 1951), the same everywhere."""
    state = 1
    while True:
        state = state * 48_271 % 2_147_483_647
        yield float("nan") if state % 29 == 0 else state / 2_147_483_647 * 150.0 - 50.0


def _row(one: Frame, other: Frame, matrix: str) -> str:
    left, right = getattr(one, matrix), getattr(other, matrix)
    at = next(i for i in range(len(left)) if left[i].tobytes() != right[i].tobytes())
    layout = one.layout
    rows = {
        "values": layout.values,
        "codes": layout.codes,
        "site": layout.site_values,
        "site_codes": layout.site_codes,
    }.get(matrix)
    name = f"{matrix}[{at}]" if rows is None else rows[at].name
    return f"{name} of tick {one.tick}"
