"""Node ids of OPC UA as they are written: `ns=2;s=ESS.SoC`, `nsu=urn:acme:ess;s=ESS`, `i=2258`.

    namespace   `ns=` and its number, or `nsu=` and its name, which stays the same when a server numbers anew; or none
    identifier  `i=` a number, `s=` a text, `g=` a GUID, `b=` Base64

A point's `node` is the end of a text identifier below the asset's own node, joined by a dot; written as a whole node id
it stands for itself.
"""

from __future__ import annotations

import re

from config.address import AddressError

_NODE = re.compile(
    r"(?:ns=[0-9]{1,5};|nsu=[^;\x00-\x20]{1,200};)?"
    r"(?:i=[0-9]{1,10}|s=[^\x00-\x1f\x7f]{1,400}|g=[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|b=[A-Za-z0-9+/]{1,400}={0,2})"
)
_WHOLE = re.compile(r"(?:ns=[0-9]+;|nsu=[^;]+;)?[isgb]=.*")


def check_node(text: str) -> str:
    """`text` if it is a node id. Raises `AddressError`."""
    if _NODE.fullmatch(text) and not (text.startswith("ns=") and int(text[3:].partition(";")[0]) > 0xFFFF):
        return text
    raise AddressError("E221", "this is not a node id", 'write e.g. `"ns=2;s=ESS"`')


def is_whole(node: str) -> bool:
    """Whether a point's node is a node id by itself."""
    return _WHOLE.fullmatch(node) is not None


def below(parent: str, node: str) -> str:
    """The node id of a point whose device is at `parent`. Raises `AddressError`."""
    if is_whole(node):
        return check_node(node)
    if not re.search(r"(?:^|;)s=", check_node(parent)):
        raise AddressError("E221", f"`{node}` cannot stand below a node id that is no text", "use one with `s=`")
    return check_node(f"{parent}.{node}")
