"""What each kernel costs per call: one asset shows the price of a call, 10,000 the price of an asset.

Arguments are those of the tick in progress: the stages themselves are called on a frame of a running chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from jit.twins import compiled_names
from tests.benchmarks.chain import Chain
from tests.benchmarks.ledger import Ledger, median_us

Call = tuple[Callable[..., Any], tuple[Any, ...]]


@contextmanager
def recorded() -> Iterator[dict[str, Call]]:
    """The arguments with which every kernel is called from Python within the block."""
    calls: dict[str, Call] = {}
    kept = compiled_names()

    def recording(name: str, original: Callable[..., None]) -> Callable[..., None]:
        def record(*arguments: Any) -> None:
            calls[name] = (original, arguments)
            original(*arguments)

        return record

    for module, name, original in kept:
        setattr(module, name, recording(name, original))
    try:
        yield calls
    finally:
        for module, name, original in kept:
            setattr(module, name, original)


@pytest.mark.parametrize("assets", [1, 1_000, 10_000])
def test_kernels(assets: int, benchmark: Any, ledger: Ledger) -> None:
    chain = Chain(assets)
    chain.measure()
    with recorded() as calls:
        chain.tick()
    assert chain.frame is not None
    for _, arguments in calls.values():
        for argument in arguments:
            if hasattr(argument, "flags") and argument.base is None:
                argument.flags.writeable = True  # the frame was sealed; its kernels are called again
    inner, rounds = (200, 50) if assets == 1 else (1, 100)
    figures = {name: median_us(partial(call, *given), rounds, inner) for name, (call, given) in calls.items()}
    whole = sum(figures.values())
    benchmark.pedantic(chain.tick, setup=chain.measure, rounds=10)
    for name, figure in figures.items():
        ledger.add(f"kernel {name}, {assets:,} asset(s)", figure, "µs", reference="all kernels", reference_figure=whole)
