"""How kernels are built: compiled, cached, or plain when there is no working compiler. In processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jit import project
from jit.build import compiled, plain
from jit.twins import compiled_names

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.req("LH-ARCH-006", "LH-RISK-003")

RUN = """
import hashlib
import numpy as np
np.seterr(all="ignore")
from jit.build import compiled, plain
from tests.safety.test_restored import live
from jit.project import toward_zero
print(compiled() or "compiled")
print(plain(toward_zero) is toward_zero)
print(hashlib.sha256(b"".join(frame.to_bytes() for frame in live("1 s", 30).frames)).hexdigest())
"""


def run(code: str = RUN, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_a_kernel_has_its_plain_twin() -> None:
    if compiled() is not None:
        pytest.skip(f"nothing is compiled here: {compiled()}")
    assert plain(project.toward_zero) is not project.toward_zero
    assert plain(project.toward_zero)(3.14159, 0.01) == project.toward_zero(3.14159, 0.01) == 3.14
    assert {"band", "advance", "constrain", "ramp", "command"} <= {name for _, name, _ in compiled_names()}


def test_a_wrong_argument_is_a_type_error_and_no_new_compilation() -> None:
    if compiled() is not None:
        pytest.skip(f"nothing is compiled here: {compiled()}")
    codes = np.zeros((3, 1), np.int64)
    floats: Any = np.zeros((3, 1), np.float32)
    with pytest.raises(TypeError):
        project.constrain(floats, codes, np.zeros(3), np.zeros(3, np.int64), codes[0], codes[0], 0)


def test_without_a_compiler_the_twins_give_the_same_frames() -> None:
    """Switched off by us, or by Numba's own switch: said, and equal to the bit."""
    usual = run()
    switched_off = run(BESS_PIPELINE_PLAIN="1")
    numba_off = run(NUMBA_DISABLE_JIT="1")
    assert usual[1:2] == ["False"]
    assert switched_off[0] == "BESS_PIPELINE_PLAIN is set"
    assert numba_off[0] == "NUMBA_DISABLE_JIT is set"
    assert switched_off[1] == numba_off[1] == "True"
    assert usual[2] == switched_off[2] == numba_off[2]


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from jit.build import compiled, kernel, term
assert "numba cannot be imported" in compiled(), compiled()
assert kernel()(print) is print
assert term(print) is print
"""

BROKEN_KERNEL = """
from jit.build import F, F1, compiled, kernel, term

@term
def good(x: float) -> float:
    return x

@kernel(F1, F)
def broken(values, x):
    values.no_such_method(x)

assert "broken does not compile" in compiled(), compiled()
assert broken.__name__ == "broken" and not hasattr(broken, "py_func")

@kernel(F1)
def after(values):
    values[0] = 1.0

assert not hasattr(after, "py_func"), "the first failure means plain twins from there on"
assert not hasattr(term(lambda x: x), "py_func")
"""

UNWRITABLE = """
import os
from pathlib import Path
from jit.build import compiled
assert compiled() is None, compiled()
assert "kernels" in os.environ["NUMBA_CACHE_DIR"]
assert not os.environ["NUMBA_CACHE_DIR"].startswith(os.environ["BESS_PIPELINE_CACHE"])
"""


NO_PLACE = """
from jit.build import compiled, term

def one(x):
    return x

assert term(one) is one
assert "one does not compile" in compiled(), compiled()
"""


@pytest.mark.parametrize(
    "code", [WITHOUT_NUMBA, BROKEN_KERNEL, NO_PLACE], ids=["no numba", "a broken kernel", "no place for the cache"]
)
def test_whatever_fails_in_the_compiler_means_plain_twins(code: str, tmp_path: Path) -> None:
    if code is NO_PLACE:  # Numba finds no folder for code that stands in no file
        run(code)
        return
    script = tmp_path / "script.py"
    script.write_text(code)
    run(f"import runpy; runpy.run_path({str(script)!r})", BESS_PIPELINE_CACHE=str(tmp_path))


def test_a_cache_folder_that_cannot_be_made_is_replaced_by_a_temporary_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    run(UNWRITABLE, BESS_PIPELINE_CACHE=str(file), TMPDIR=str(tmp_path))
