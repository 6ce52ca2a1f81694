"""What a battery is logged in to with: the number in the asset's `password`, for the write point that is a `secret`.

    write: { unlock: { register: holding 43090, type: uint32, word_order: big, secret: true, cadence: once } }
    password: !secret bess1_unlock       # the file holds 20171113, or 0x133C7E9

No message says the number.
"""

from __future__ import annotations

from config.asset import Asset
from config.point import Point
from config.profile import Profile
from config.quantity import Secret


def secret_point(profile: Profile) -> tuple[str, Point] | None:
    """The write point that is a secret, if there is one."""
    return next(((name, point) for name, point in profile.write.items() if point.secret), None)


def number(password: Secret, point: Point) -> int | None:
    """The whole number that a password is, or None when it is none that the point can hold."""
    bits, signed = 16 * point.words, not point.type.startswith("u")
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    try:
        said = int(password.reveal().strip(), 0)
    except ValueError:
        return None
    return said if low <= said < high and said not in point.sentinels else None


def login(profile: Profile, asset: Asset) -> float | None:
    """What its secret point is to hold; None where there is none."""
    found = secret_point(profile)
    said = None if found is None or asset.password is None else number(asset.password, found[1])
    return None if said is None else float(said)
