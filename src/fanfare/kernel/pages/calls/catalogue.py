"""The calls of this server, read from its OpenAPI document once."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version

from fanfare.kernel.pages.calls.fields import fields_of
from fanfare.kernel.pages.calls.schemas import ApiCall, CallGroup
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.lazy import Lazy
from fanfare.kernel.web.openapi import document


class Catalogue:
    """All calls by their id, grouped by scope."""

    def __init__(self) -> None:
        self._endpoints: tuple[Endpoint, ...] = ()
        self._scopes: Mapping[str, str] = {}
        self._groups = Lazy(self._make)

    def use(self, endpoints: Iterable[Endpoint], scopes: Mapping[str, str]) -> None:
        """Serve these calls; `scopes` describes each scope."""
        self._endpoints, self._scopes = tuple(endpoints), scopes
        self._groups = Lazy(self._make)

    @property
    def scopes(self) -> Mapping[str, str]:
        """What each scope is for, in English."""
        return self._scopes

    async def groups(self) -> tuple[CallGroup, ...]:
        """Return the calls of each scope."""
        return await self._groups.get()

    async def call(self, call_id: str) -> ApiCall | None:
        """Return a call, None for an unknown id."""
        calls = (call for group in await self.groups() for call in group.calls)
        return next((call for call in calls if call.call_id == call_id), None)

    def _make(self) -> tuple[CallGroup, ...]:
        spec = document(self._endpoints, version("fanfare"), self._scopes)
        calls = [
            ApiCall(
                operation["operationId"], method.upper(), path, operation["tags"][0], operation["summary"],
                operation["description"], tuple(fields_of(operation, spec["components"])),
            )
            for path, operations in spec["paths"].items()
            for method, operation in operations.items()
        ]  # fmt: skip
        by_scope: dict[str, list[ApiCall]] = {}
        for call in calls:
            by_scope.setdefault(call.scope, []).append(call)
        return tuple(
            CallGroup(tag["name"], tag.get("description", ""), tuple(by_scope[tag["name"]])) for tag in spec["tags"]
        )


catalogue = Catalogue()


def calls_with(groups: Iterable[CallGroup], text: str) -> list[CallGroup]:
    """Return the calls that have each word of a text in their name, path or id."""
    words = text.casefold().split()
    result = (
        CallGroup(group.scope, group.meaning, tuple(call for call in group.calls if _has(call, words)))
        for group in groups
    )
    return [group for group in result if group.calls]


def _has(call: ApiCall, words: list[str]) -> bool:
    text = f"{call.method} {call.path} {call.summary} {call.call_id}".casefold()
    return all(word in text for word in words)
