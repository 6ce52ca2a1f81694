"""Every safety test runs at both cycles, and at 1 s on the plain twins of the kernels as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from jit.twins import on_twins


@pytest.fixture(params=["1 s", "100 ms", "1 s on plain kernels"])
def cycle(request: pytest.FixtureRequest) -> Iterator[str]:
    """The cycle for `tests.rig.site(cycle=…)`."""
    text: str = request.param
    with on_twins() if "plain" in text else nullcontext():
        yield " ".join(text.split()[:2])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.safety)
