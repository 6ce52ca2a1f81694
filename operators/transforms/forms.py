"""The forms of `transform:` steps by name, and a list of steps placed behind each other.

    source ──► transform.0 ──► transform.1 ──► … ──► what `resolve` or a controller reads
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.transform import Transform
from operators.transforms.average import average
from operators.transforms.clamp import clamp
from operators.transforms.dead_band import dead_band
from operators.transforms.delay import delay
from operators.transforms.hold_last import hold_last
from operators.transforms.low_pass import low_pass
from operators.transforms.offset import offset
from operators.transforms.rate_limit import rate_limit
from operators.transforms.round_to import round_to
from operators.transforms.scale import scale
from operators.transforms.smooth import smooth
from operators.transforms.transform import Form, Placed, Port

FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (average, low_pass, hold_last, delay, dead_band, clamp, scale, offset, rate_limit, round_to, smooth)
}


def placed(path: str, steps: Sequence[Transform], source: Port, cycle_s: float) -> tuple[Placed, ...]:
    """The steps of the list at `path` (`requests.day_ahead`, `requests.peak_shaving`), each behind the one before."""
    found: list[Placed] = []
    for number, step in enumerate(steps):
        form = FORMS[step.kind]
        taken = found[-1].output if found else source
        found.append(Placed(form, f"{path}.transform.{number}", taken, form.measure(step.content, cycle_s)))
    return tuple(found)
