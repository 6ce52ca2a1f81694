"""Start-up compares the compiled kernels with their plain twins, and says loudly what they run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loguru import logger

from jit import build, project, twins
from jit.build import plain
from pipeline.twins import difference, settle_kernels
from tests.rig import Rig, site

pytestmark = [
    pytest.mark.req("LH-NATIVE-001", "LH-ARCH-006", "LH-TEST-005"),
    pytest.mark.skipif(build.compiled() is not None, reason="nothing is compiled here"),
]


class Wrong:
    """A kernel that a compiler got wrong: everything it moves is a little more."""

    def __init__(self, kernel: Callable[..., None]) -> None:
        self.kernel, self.py_func = kernel, plain(kernel)

    def __call__(self, *given: Any) -> None:
        self.kernel(*given)
        given[0][:] += 1e-9


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level} {message}")
    yield lines
    logger.remove(sink)


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What runs compiled does so again after the test."""
    kept = twins.compiled_names()
    yield
    monkeypatch.undo()
    build._failure = None
    for module, name, function in kept:
        setattr(module, name, function)


def test_compiled_and_plain_kernels_are_equal_on_a_definition(said: list[str]) -> None:
    settle_kernels(Rig(site(3, fcr_kw=50.0)).compiled)
    assert said == [f"INFO kernels {build.version()}: compiled\n"]


@pytest.mark.usefixtures("restored")
def test_a_kernel_that_was_compiled_wrong_is_found_and_no_compiled_one_runs_any_more(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = Rig(site(2)).compiled
    monkeypatch.setattr(project, "ramp", Wrong(project.ramp))
    assert difference(compiled) is not None
    settle_kernels(compiled)
    assert [line.split(":")[0] for line in said] == [f"WARNING kernels {build.version()}"]
    assert "PLAIN PYTHON" in said[0]
    assert twins.compiled_names() == []
    assert difference(compiled) is None
    assert str(build.compiled()) in said[0]  # the alarm and /health tell the same


def test_more_assets_than_the_twins_can_carry_are_not_compared(said: list[str]) -> None:
    compiled = Rig(site(build.PLAIN_ASSETS + 1)).compiled
    settle_kernels(compiled)
    assert len(said) == 1
