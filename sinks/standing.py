"""Which stops and lock-outs stand after a series of acts.

    stop all, release bess1   →  every asset but bess1 is stopped
    stop bess1, release all   →  none is stopped

A stop of all assets also covers an asset that appears later. A release lifts stops only, an unlock lock-outs only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sources.act import ActKind, OperatorAct

_SETS = {ActKind.STOP: "stop", ActKind.LOCK_OUT: "lock"}
_LIFTS = {ActKind.RELEASE: "stop", ActKind.UNLOCK: "lock"}


@dataclass(slots=True)
class _Hold:
    """One kind of hold: on all assets but `excepted`, and on single ones."""

    everywhere: OperatorAct | None = None
    excepted: set[str] = field(default_factory=set)
    single: dict[str, OperatorAct] = field(default_factory=dict)

    def set(self, act: OperatorAct) -> None:
        if act.asset is None:
            self.everywhere = act
            self.excepted.clear()
        else:
            self.single[act.asset] = act

    def lift(self, asset: str | None) -> None:
        if asset is None:
            self.everywhere = None
            self.excepted.clear()
            self.single.clear()
        else:
            self.single.pop(asset, None)
            self.excepted.add(asset)

    def acts(self, assets: Sequence[str]) -> list[OperatorAct]:
        found = list(self.single.values())
        if self.everywhere is not None and not self.excepted:
            found.append(self.everywhere)
        elif self.everywhere is not None:
            covered = (asset for asset in assets if asset not in self.excepted and asset not in self.single)
            found += [replace(self.everywhere, asset=asset) for asset in covered]
        return found


class Standing:
    """Folds acts in order. Acts of other kinds change nothing."""

    def __init__(self) -> None:
        self._holds = {"stop": _Hold(), "lock": _Hold()}

    def note(self, act: OperatorAct) -> None:
        if act.kind in _SETS:
            self._holds[_SETS[act.kind]].set(act)
        elif act.kind in _LIFTS:
            self._holds[_LIFTS[act.kind]].lift(act.asset)

    def acts(self, assets: Sequence[str]) -> list[OperatorAct]:
        """What stands, marked as restored, oldest first. `assets` are those of the site."""
        found = [act for hold in self._holds.values() for act in hold.acts(assets)]
        return sorted((replace(act, restored=True) for act in found), key=lambda act: act.at_ns)
