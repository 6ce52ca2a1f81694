"""What the log says about decisions: one line when an asset's state or authority changes, with its reason.

Labels of permitted running count as one state: they follow every tick, and the frame keeps them all.
Fields are bounded and always the same: time, asset, component, decision, reason (LH-MON-001).
"""

from __future__ import annotations

from loguru import logger

from jit import rows as r
from jit.codes import Authority, State
from jit.frame import Frame
from operators.sentence import why

_TOLD = (r.STATE, r.AUTHORITY)


class Chronicle:
    """Offered every sealed frame; compares codes with the frame before."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, ...]] = {}

    def offer(self, frame: Frame) -> None:
        for column, asset in enumerate(frame.layout.assets):
            codes = tuple(frame.codes.item(row, column) for row in _TOLD)
            label = codes if codes[0] not in _RUNNING else (_RUNNING[0], codes[1])
            if self._known.get(asset) != label:
                self._known[asset] = label
                self._tell(frame, column, asset)

    def _tell(self, frame: Frame, column: int, asset: str) -> None:
        state = State(int(frame.codes[r.STATE, column])).name
        authority = Authority(int(frame.codes[r.AUTHORITY, column])).name.lower()
        level = "WARNING" if state in ("FAULT", "EMERGENCY_STOP") else "INFO"
        logger.bind(asset=asset, component="state_machine", decision=state, reason=why(frame, column)).log(
            level, "{}: {} ({}): {}", asset, state, authority, why(frame, column)
        )


_RUNNING = (int(State.IDLE), int(State.CHARGING), int(State.DISCHARGING), int(State.LIMITED))
