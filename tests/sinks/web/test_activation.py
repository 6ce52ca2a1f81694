"""An activation that would change nothing is refused, and says why."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sinks.web.ports import Role
from tests.sinks.web.fakes import Site, served


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with served() as running:
        yield running


@pytest.mark.req("LH-SM-003", "LH-OPS-004")
@pytest.mark.parametrize(("local", "asset", "status"), [
    (("bess1",), "bess1", 409), (("bess1",), "bess2", 200), (("bess1",), None, 200), (("bess1", "bess2"), None, 409),
])  # fmt: skip
async def test_an_activation_in_local_control_is_refused_and_noted(
    site: Site, local: tuple[str, ...], asset: str | None, status: int
) -> None:
    site.view.missing = {asset: ["device in local control"] for asset in local}
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/activate", json={"asset_id": asset} if asset else {})
    assert answer.status_code == status
    assert [refusal.error for refusal in site.door.refusals] == (["local-control"] if status == 409 else [])
    assert len(site.door.acts) == (status == 200)
