"""The kernels of `limits`, `constrain` and `ramp` against the same terms in plain C, `-O2`, one call per asset.

The C of `limiter.c` is filled with the numbers of a running chain and has to come to the same bands and powers.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jit import constants as c
from jit import rows as r
from jit.codes import Authority, Condition, Permit
from jit.frame import Frame
from tests.benchmarks.chain import Chain
from tests.benchmarks.ledger import Ledger, median_us
from tests.benchmarks.test_kernels import recorded

HERE = Path(__file__).parent
ASSETS = 1_000
NUMBERS = (
    "nameplate_in", "nameplate_out", "rated_in", "rated_out", "energy_kwh", "soc_min", "soc_max", "soc_taper",
    "t_min", "t_max", "t_taper", "eff_in", "eff_out", "up", "down", "stop", "horizon_s", "promises", "soc",
    "temperature", "bms_in", "bms_out", "before_kw", "power_kw", "desired_kw", "service_kw", "service_before_kw",
    "holds_low", "holds_high", "steady_s", "age_s", "reverts_after_s", "reverts_to",
)  # fmt: skip
GIVEN = ("apparent", "effect", "frequency", "transformer")
FLAGS = ["good", "available", "may_charge", "may_discharge", "remote", "lost", "armed", "fault", "follows"]
TRACE = 2 * len(r.LIMITS) + 8
AFTER = 8


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    library = tmp_path_factory.mktemp("c") / "limiter.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-ffp-contract=off", "-o", str(library), str(HERE / "limiter.c"), "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def filled(frame: Frame, before: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One row of the C struct per asset; integers are put into the same eight bytes."""
    values, codes, ratings, n = frame.values, frame.codes, frame.constants.ratings, len(frame.layout.assets)
    first = r.limit_row(frame.layout)
    table = np.zeros((n, len(NUMBERS) + 2 * len(GIVEN) + len(FLAGS) + TRACE + AFTER))
    rated = (
        c.NAMEPLATE_CHARGE_KW, c.NAMEPLATE_DISCHARGE_KW, c.CHARGE_KW, c.DISCHARGE_KW, c.ENERGY_KWH, c.SOC_MIN,
        c.SOC_MAX, c.SOC_TAPER, c.T_MIN, c.T_MAX, c.T_TAPER, c.EFF_CHARGE, c.EFF_DISCHARGE, c.RAMP_UP, c.RAMP_DOWN,
        c.RAMP_STOP, c.HORIZON_S, c.PROMISES_LIMITS,
    )  # fmt: skip
    measured = (r.SOC_PCT, r.TEMPERATURE_C, r.BMS_CHARGE_KW, r.BMS_DISCHARGE_KW)
    columns = [ratings[row] for row in rated] + [values[row] for row in measured]
    columns += [before.values[r.RAMPED_KW], values[r.POWER_KW], values[r.DESIRED_KW], values[r.SERVICE_KW]]
    columns += [before.values[r.SERVICE_KW], values[r.HOLDS_LOW_KW], values[r.HOLDS_HIGH_KW], values[r.STEADY_S]]
    columns += [values[r.AGE_S], ratings[c.REVERTS_AFTER_S] + ratings[c.VALID_FOR_S], ratings[c.REVERTS_TO_KW]]
    for k, sign in ((0, -1.0), (1, 1.0)):
        columns += [sign * values[first + 2 * getattr(r, f"L_{name.upper()}") + k] for name in GIVEN]
    for number, column in enumerate(columns):
        table[:, number] = column
    flags = table.view(np.int64)
    yes = (
        codes[r.QUALITY] == 1, codes[r.AVAILABLE] == Permit.YES, codes[r.MAY_CHARGE] == Permit.YES,
        codes[r.MAY_DISCHARGE] == Permit.YES, codes[r.CONDITIONS] & int(Condition.REMOTE) != 0, np.zeros(n),
        before.codes[r.AUTHORITY] == Authority.ARMED, codes[r.FAULT] != 0,
        codes[r.CONDITIONS] & int(Condition.FOLLOWS) != 0,
    )  # fmt: skip
    for number, flag in enumerate(yes, start=len(columns)):
        flags[:, number] = flag
    return table


def test_limits_constrain_and_ramp_against_c(compiled: ctypes.CDLL, benchmark: Any, ledger: Ledger) -> None:
    chain = Chain(ASSETS)
    chain.measure()
    before = chain.entry.snapshot.past
    with recorded() as calls:
        chain.tick()
    frame = chain.frame
    assert frame is not None
    table = filled(frame, before)
    assert compiled.size_of_asset() == table.shape[1] * 8
    compiled.run.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_double]
    site = np.array([np.inf] * 4 + [0.0] * 2)  # the chain's site has no limit of its own
    run = partial(compiled.run, table.ctypes.data, ASSETS, site.ctypes.data, frame.dt_ramp)
    run()
    at = len(NUMBERS) + 2 * len(GIVEN) + len(FLAGS) + 2 * len(r.LIMITS)
    for offset, row in enumerate((r.LOW_KW, r.HIGH_KW, r.LOW_ROOM_KW, r.HIGH_ROOM_KW, r.LIMITED_KW)):
        np.testing.assert_array_equal(table[:, at + offset], frame.values[row])
    for _, given in calls.values():
        for array in given:
            if hasattr(array, "flags") and array.base is None:
                array.flags.writeable = True  # the frame was sealed; its kernels are called again
    kernels = [partial(calls[name][0], *calls[name][1]) for name in ("band", "constrain", "ramp")]

    def ours() -> None:
        for kernel in kernels:
            kernel()

    reference = median_us(run, 400)
    benchmark.pedantic(ours, rounds=100)
    figure = median_us(ours, 400)
    reference = min(reference, median_us(run, 400))
    ledger.add(
        f"limits + constrain + ramp per asset, {ASSETS:,} assets",
        figure / ASSETS * 1e3,
        "ns",
        reference="plain C -O2, a call per asset",
        reference_figure=reference / ASSETS * 1e3,
        note="aim 0.6, at most 1",
    )

