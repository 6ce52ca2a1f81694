"""What the journal says against an act before it is taken: who set the lock, how often a fault was acknowledged, what
stands in the way of an activation.

    act + journal ──► nothing: it is taken │ ActRefusedError: it changes nothing, and says why

- A lock-out is lifted by the operator who set it, or by an engineer who overrides it in so many words (`override`,
  with a reason): the one who is inside the container decides when it is over. A stop is everybody's to release.
- An activation while a stop or a lock-out stands would change nothing and be forgotten: it is refused, and names what
  has to be lifted first. One for all assets is taken as long as it activates any of them.
- A latched fault is acknowledged three times an hour per asset at most (reliability §2 row 19): what comes back as
  often is not cured by acknowledging it. The count is the journal's, so that a restart does not begin it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sinks.journal import Journal
from sinks.web.ports import ActRefusedError
from sources.act import ActKind, OperatorAct
from sources.instant import SECOND_NS

ACKNOWLEDGEMENTS = 3
_HELD = {
    ActKind.STOP: ("stopped", "is stopped", "release"),
    ActKind.LOCK_OUT: ("locked-out", "is locked out", "unlock"),
}
WITHIN_S = 3600


def admit(act: OperatorAct, journal: Journal, assets: Sequence[str]) -> None:
    """Nothing when the act may be taken. Raises ActRefusedError."""
    if act.kind is ActKind.UNLOCK and not act.override:
        _unlock(act, journal, assets)
    if act.kind is ActKind.ACKNOWLEDGE:
        _acknowledge(act, journal, assets)
    if act.kind is ActKind.ACTIVATE:
        _activate(act, journal, assets)


def _activate(act: OperatorAct, journal: Journal, assets: Sequence[str]) -> None:
    wanted = set(assets if act.asset is None else (act.asset,))
    standing = journal.standing(assets)
    free = wanted.difference(*(assets if held.asset is None else (held.asset,) for held in standing))
    if free or not wanted:
        return
    held = next(held for held in standing if held.asset is None or held.asset in wanted)
    error, what, lift = _HELD[held.kind]
    why = f"by {held.operator} ({held.reason or 'without a reason'})"
    raise ActRefusedError(error, f"{held.asset or 'every asset'} {what} {why}: {lift} it first, then activate")


def _unlock(act: OperatorAct, journal: Journal, assets: Sequence[str]) -> None:
    for lock in journal.standing(assets):
        why = lock.reason or "without a reason"
        others = lock.kind is ActKind.LOCK_OUT and lock.operator != act.operator
        if others and (act.asset is None or lock.asset in (None, act.asset)):
            raise ActRefusedError(
                "locked-by-another",
                f"{lock.asset or 'every asset'} was locked out by {lock.operator} ({why}): "
                "nobody else may unlock it, but an engineer who sends `override: true` and a reason",
            )


def _acknowledge(act: OperatorAct, journal: Journal, assets: Sequence[str]) -> None:
    for asset in assets if act.asset is None else (act.asset,):
        times = list(_acknowledged(journal, asset, act.at_ns - WITHIN_S * SECOND_NS))
        if len(times) >= ACKNOWLEDGEMENTS:
            wait_s = (times[-ACKNOWLEDGEMENTS] - act.at_ns) / SECOND_NS + WITHIN_S
            raise ActRefusedError(
                "acknowledged-too-often",
                f"{asset}: acknowledged {len(times)} times within the last hour, {ACKNOWLEDGEMENTS} is the most; "
                f"find the cause; the next one is taken in {wait_s / 60:.0f} min",
            )


def _acknowledged(journal: Journal, asset: str, since_ns: int) -> Iterator[int]:
    for entry in tuple(journal.entries):
        taken = entry.accepted and entry.what == ActKind.ACKNOWLEDGE and entry.asset in (None, asset)
        if taken and entry.at_ns > since_ns:
            yield entry.at_ns
