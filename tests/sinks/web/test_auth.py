"""Tokens, sessions and failed attempts by themselves."""

from __future__ import annotations

import pytest

from sinks.web.auth import Attempts, Credential, Keyring, Sessions, WeakTokenError, bearer
from sinks.web.ports import Principal, Role

TOKEN = "0123456789abcdef"


def test_a_token_is_found_and_every_other_is_not() -> None:
    keys = Keyring([Credential("view", Role.VIEWER, TOKEN + "\n"), Credential("op", Role.OPERATOR, "x" + TOKEN)])
    assert keys.find(TOKEN) == Principal("view", Role.VIEWER, "token")
    assert keys.find("x" + TOKEN) == Principal("op", Role.OPERATOR, "token")
    for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "x" * 10_000, "\ud800"):
        assert keys.find(wrong) is None


@pytest.mark.req("LH-API-007")
def test_there_is_no_default_token() -> None:
    assert not Keyring()
    assert Keyring().find("") is None
    assert Keyring().find("dev-operator-token") is None


@pytest.mark.req("LH-API-007")
@pytest.mark.parametrize("token", ["", "short", "x" * 600, "a" * 40, " " * 40])
def test_a_weak_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(WeakTokenError) as error:
        Keyring([Credential("view", Role.VIEWER, token)])
    assert "'view'" in str(error.value)
    assert not token.strip() or token not in str(error.value)


def test_two_roles_do_not_share_a_token() -> None:
    with pytest.raises(WeakTokenError, match="same as another"):
        Keyring([Credential("view", Role.VIEWER, TOKEN), Credential("op", Role.OPERATOR, TOKEN)])


def test_a_credential_does_not_show_its_token() -> None:
    assert TOKEN not in repr(Credential("view", Role.VIEWER, TOKEN))


def test_sessions_expire_and_are_bounded() -> None:
    now, numbers = [0.0], iter(range(10))
    sessions = Sessions(lambda: now[0], lambda: f"session-{next(numbers)}", life_s=10.0, size=2)
    owner = Principal("op", Role.OPERATOR, "token")
    first, second = sessions.open(owner), sessions.open(owner)
    assert sessions.find(second) == Principal("op", Role.OPERATOR, "cookie")
    third = sessions.open(owner)
    assert sessions.find(first) is None
    now[0] = 10.0
    assert sessions.find(third) is None
    sessions.close("never opened")


def test_attempts_are_counted_per_address_and_forgotten() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0], limit=2, window_s=60.0, size=2)
    assert [attempts.fail("a") for _ in range(3)] == [0.0, 0.0, 60.0]
    assert attempts.fail("b") == 0.0
    now[0] = 59.5
    assert attempts.fail("a") == 1.0
    now[0] = 60.0
    assert attempts.fail("a") == 0.0
    for address in "cde":
        attempts.fail(address)
    assert len(attempts._failures) == 2


@pytest.mark.parametrize(("header", "token"), [
    (None, None), ("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("abc", ""), ("Bearer", ""),
    ("", ""),
])
def test_the_authorization_header(header: str | None, token: str | None) -> None:
    assert bearer(header) == token
