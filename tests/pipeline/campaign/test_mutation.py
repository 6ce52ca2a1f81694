"""The seeded mutants fit the code as it is, and are in place where they are said to be."""

from __future__ import annotations

import ast

import pytest

import jit.limits  # noqa: F401  # a module that is imported already
from pipeline.campaign.mutation import Mutant, in_place, mutants

MUTANTS = mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_fits_and_is_a_change_that_compiles(mutant: Mutant) -> None:
    changed = ast.dump(ast.parse(mutant.source()))
    unchanged = ast.dump(ast.parse(mutant.source().replace(mutant.new, mutant.old)))
    assert changed != unchanged
    assert mutant.why


def test_one_that_no_longer_fits_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"stands 0 times in jit/limits\.py"):
        Mutant("old", "jit/limits.py", "no such line", "pass", "…").source()


def test_one_that_comes_too_late_is_an_error() -> None:
    with pytest.raises(ValueError, match="imported already"):
        in_place(next(mutant for mutant in MUTANTS if mutant.file == "jit/limits.py").name)
