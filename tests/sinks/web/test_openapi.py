"""The hand-written document is valid, and says what the routes do: no more, no less."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from sinks.web.app import ACCESSES
from sinks.web.openapi import document
from sinks.web.ports import Role
from tests.sinks.web.fakes import served


def test_it_is_a_valid_openapi_document() -> None:
    validate(document())
    assert document()["openapi"] == "3.1.0"


@pytest.mark.req("LH-API-007")
def test_it_names_every_route_with_its_role_and_no_other() -> None:
    described = {(method.upper(), path): operation.get("x-role")
                 for path, operations in document()["paths"].items() for method, operation in operations.items()}
    assert described == {(access.method, access.path): access.role.word if access.role else None for access in ACCESSES}


async def test_answers_match_their_schemas() -> None:
    async with served() as site, site.client(Role.ENGINEER) as client:
        shown = (await client.get("/openapi.json")).json()
        assert shown["info"]["title"] == "bess-pipeline"
        for path, operations in document()["paths"].items():
            if "get" not in operations or path == "/metrics":
                continue
            answer = await client.get(path.replace("{id}", "bess1"))
            _check(answer.json(), operations["get"]["responses"][str(answer.status_code)])
        for name in ("stop", "release", "acknowledge", "activate", "deactivate", "lock_out", "unlock"):
            answer = await client.post(f"/operator/{name}", json={"reason": "test"})
            _check(answer.json(), document()["paths"][f"/operator/{name}"]["post"]["responses"]["200"])


def _check(value: Any, response: dict[str, Any]) -> None:
    reference = response["content"]["application/json"]["schema"]["$ref"]
    schema = {"$ref": reference, "components": document()["components"]}
    OAS31Validator(schema).validate(value)
