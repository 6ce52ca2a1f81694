"""Exit codes of `bess-pipeline`, one list for programs, the documentation and `--help`.

Numbers follow sysexits where one fits, so that a supervisor can tell "try again" from "repair the file first".
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    DIFFERENT = 65
    UNREACHABLE = 69
    INTERNAL = 70
    UNCONFIRMED = 75
    REFUSED = 77
    INVALID = 78


MEANING = {
    Exit.OK: "done; for `run` and `demo`: ended on request, 0 kW written and confirmed (or nothing was ever written)",
    Exit.FAILED: "not done: what failed stands in the message; for `check`: warnings with --deny-warnings",
    Exit.USAGE: "the command line is wrong",
    Exit.DIFFERENT: "for `replay`: a tick, or a command of a manifest, came out differently from what was recorded",
    Exit.UNREACHABLE: "no running process, device or server answers at the address",
    Exit.INTERNAL: "a defect of the program, or the watchdog ended it because ticks stopped",
    Exit.UNCONFIRMED: "ended, but a device did not confirm 0 kW in time; its own reversion has to cover the gap",
    Exit.REFUSED: "the token is missing, wrong or of too low a role",
    Exit.INVALID: "the definition is invalid: nothing was started",
}
