"""How kernels are built: eagerly typed, cached by the content of every kernel file, with a plain twin.

A kernel loops over assets, takes whole matrices, returns nothing and never raises; what went wrong is a code in a row.
It uses + − × ÷ √ and comparisons only, so that results are equal on every machine, and guards NaN first:
`max(lo, min(nan, hi))` is `lo`, a full-power command out of nothing.

The compile cache is a folder named by the hash of all kernel sources, because Numba's own key misses changes in other
files. Without a working compiler the plain twins run, and `compiled()` says so.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

#: Column counts above which the plain twins are too slow for a tick.
PLAIN_ASSETS = 100


def _source_hash() -> str:
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _choose_cache() -> None:
    """Point Numba at a folder keyed by the kernels' sources; fall back to the temporary folder when unwritable."""
    base = Path(os.environ.get("BESS_PIPELINE_CACHE") or Path.home() / ".cache" / "bess-pipeline")
    folder = base / "kernels" / _source_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"bess-pipeline-kernels-{os.getuid()}" / _source_hash()
        folder.mkdir(parents=True, exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


_failure: str | None = None
if os.environ.get("BESS_PIPELINE_PLAIN") == "1":
    _failure = "BESS_PIPELINE_PLAIN is set"
else:
    _choose_cache()
    try:
        import numba
        from numba import types
    except ImportError as error:
        _failure = f"numba cannot be imported: {error}"

if _failure is None:
    F1: Any = types.Array(types.float64, 1, "C")
    F2: Any = types.Array(types.float64, 2, "C")
    I1: Any = types.Array(types.int64, 1, "C")
    I2: Any = types.Array(types.int64, 2, "C")
    RF1: Any = types.Array(types.float64, 1, "C", readonly=True)
    RF2: Any = types.Array(types.float64, 2, "C", readonly=True)
    RI1: Any = types.Array(types.int64, 1, "C", readonly=True)
    RI2: Any = types.Array(types.int64, 2, "C", readonly=True)
    F: Any = types.float64
    N: Any = types.int64
else:
    F1 = F2 = I1 = I2 = RF1 = RF2 = RI1 = RI2 = F = N = None


def kernel(*signature: Any) -> Callable[[Kernel], Kernel]:
    """Compile at import with this signature (no return value). A wrong argument is a TypeError at once."""

    def build(function: Kernel) -> Kernel:
        global _failure  # noqa: PLW0603  # one compiler per process: its state is the module's
        if _failure is not None:
            return function
        try:
            jit: Any = numba.njit(types.void(*signature), error_model="numpy", cache=True)
            return jit(function)  # type: ignore[no-any-return]
        except Exception as error:  # the compiler is not ours: any failure of it means plain twins
            _failure = f"{function.__name__} does not compile: {error}"
            return function

    return build


def term(function: Kernel) -> Kernel:
    """One named piece of a kernel (a limit, a projection), inlined into it by the compiler."""
    global _failure  # noqa: PLW0603  # one compiler per process: its state is the module's
    if _failure is not None:
        return function
    try:
        jit: Any = numba.njit(error_model="numpy", cache=True, inline="never")
        return jit(function)  # type: ignore[no-any-return]
    except Exception as error:  # as above: a cache that cannot be used is found here first
        _failure = f"{function.__name__} does not compile: {error}"
        return function


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The plain twin of a kernel. With the JIT disabled the kernel is its own twin."""
    return getattr(function, "py_func", function)


def compiled() -> str | None:
    """None when kernels are compiled, else why they are not."""
    if _failure is not None:
        return _failure
    return "NUMBA_DISABLE_JIT is set" if getattr(numba.config, "DISABLE_JIT", 0) else None


def version() -> str:
    """The kernels' sources in eight digits, and what compiles them: `3f09a1c2 (numba 0.62.1)`."""
    compiler = f"numba {numba.__version__}" if "numba" in globals() else "no compiler"
    return f"{_source_hash()[:8]} ({compiler})"


def give_up(reason: str) -> None:
    """The plain twins run from now on, for this reason."""
    global _failure  # noqa: PLW0603  # one compiler per process: its state is the module's
    _failure = reason
