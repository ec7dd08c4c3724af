"""A directory that provisions users by SCIM, with an access token of a person."""

from typing import Any

import httpx2

from tests.people import Person

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

DORA = {
    "schemas": [USER],
    "userName": "Dora@live.example",
    "name": {"givenName": "Dora", "familyName": "Diaz"},
    "emails": [{"value": "dora@contoso.example", "type": "work", "primary": True}],
    "roles": [{"value": "commerce-services/viewer"}],
    "active": True,
}


class Directory:
    """Sends requests, and reads their answers."""

    def __init__(self, person: Person, base: str = "/scim/v2") -> None:
        self.person = person
        self.base = base

    async def send(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx2.Response:
        """One request; `if_match` and the like are headers."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {} if body is None else {"json": body}
        answer = await self.person.gateway.client.request(
            method,
            f"{self.base}{path}",
            headers={
                **self.person.headers(),
                "content-type": "application/scim+json",
                "accept": "application/scim+json",
                **given,
            },
            **content,
        )
        if answer.content:
            assert answer.headers["content-type"] == "application/scim+json"
        return answer

    async def do(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """The body of an answer that must be a success; empty if it has none."""
        answer = await self.send(method, path, body, **headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    async def error(self, method: str, path: str, body: Any = None, **headers: str) -> list[Any]:
        """The status, the scimType and the detail of an answer that must be an error."""
        answer = await self.send(method, path, body, **headers)
        told = answer.json()
        assert told["schemas"] == [ERROR], told
        assert told["status"] == str(answer.status_code)
        return [answer.status_code, told.get("scimType"), told["detail"]]

    async def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> dict[str, Any]:
        """A PATCH that must succeed."""
        return await self.do("PATCH", path, patch(*operations), **headers)

    async def found(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """The resources of a list."""
        query = httpx2.QueryParams(parameters)
        listed = await self.do("GET", f"{path}?{query}")
        resources: list[dict[str, Any]] = listed["Resources"]
        return resources

    async def group(self, name: str) -> dict[str, Any]:
        """The group of a role, with its members."""
        (found,) = await self.found("/Groups", filter=f'displayName eq "{name}"')
        return found


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """The body of a PATCH."""
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def members(group: dict[str, Any]) -> list[str]:
    """The names of a group's members."""
    return [member["display"] for member in group.get("members", [])]
