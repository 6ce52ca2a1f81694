"""Term of `limits`: what the batteries have to do because everything else at the point of connection does too much.

    draw of the rest − import limit = kW too much ► must_low_kw      feed-in of the rest − export limit ► must_high_kw

The limit is the narrowest of the site's (less its margin), what a mean leaves, and the grid operator's ceiling. The
duty is at most the power that `relief` may use, and lowers nothing that is demanded otherwise. Without a measurement
there is none: unknown is no wish. The batteries' own power is no part of the rest, so that relieving does not end the
relief.
"""

from __future__ import annotations

from jit import constants as c
from jit import rows as r
from jit.build import term
from jit.codes import Reason
from jit.constants import F8, I8
from jit.joint import least, limits_of_site

VALID = 1
RELIEVES = int(Reason.RELIEVES)


@term
def relieve(site: F8, site_codes: I8, constants: F8) -> None:
    """Tighten must_low_kw, must_high_kw, and say so in must_low_by, must_high_by."""
    other, most = site[r.OTHER_KW], constants[c.RELIEF_KW]
    if other != other or site_codes[r.POC_QUALITY] != VALID:
        return
    limit_in, limit_out = limits_of_site(site, constants)
    limit_in, limit_out = least(limit_in, site[r.CEILING_IMPORT_KW]), least(limit_out, site[r.CEILING_EXPORT_KW])
    drawn, fed = least(most, 0.0 - other - limit_in), least(most, other - limit_out)
    if drawn > 0.0 and not site[r.MUST_LOW_KW] >= drawn:
        site[r.MUST_LOW_KW], site_codes[r.MUST_LOW_BY] = drawn, RELIEVES
    if fed > 0.0 and not site[r.MUST_HIGH_KW] <= 0.0 - fed:
        site[r.MUST_HIGH_KW], site_codes[r.MUST_HIGH_BY] = 0.0 - fed, RELIEVES
