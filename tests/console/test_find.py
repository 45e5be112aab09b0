"""The command palette: what may be opened is found by letters of its name; the rest, and names, stay hidden."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import signed_in


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
async def fan_id(api: Api) -> int:
    fan = await api.ok(
        await api.post("/api/v1/crm/fans", email="marén@example.com", first_name="Marén", last_name="Castellane")
    )
    return int(fan["fan_id"])


async def names(client: httpx.AsyncClient, account_id: int, text: str, **query: str) -> list[str]:
    """Return what is found, each as its path below the account."""
    page = await client.get(f"/manage/{account_id}/find", params={"q": text, "part": "true", **query})
    assert page.status_code == 200, page.text
    return re.findall(rf'href="/manage/{account_id}([^"]*)"', page.text)


async def test_pages_and_actions_are_found_in_the_language_of_the_reader(client: httpx.AsyncClient, api: Api) -> None:
    assert "/keys" in await names(client, api.account_id, "api KEYS")
    assert await names(client, api.account_id, "new key") == ["/keys/new"]
    assert "/audit" in await names(client, api.account_id, "protokoll", language="de")
    assert await names(client, api.account_id, "no such thing") == []


async def test_only_what_may_be_opened_is_found(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        assert await names(client, api.account_id, "key") == []
        assert "/console" in await names(client, api.account_id, "console")


async def test_fans_are_found_where_they_have_a_page_and_masked(
    base_url: str, db: Db, api: Api, other_api: Api, fan_id: int
) -> None:
    expected = [f"/fans/{fan_id}"] if ("GET", "/manage/{account_id}/fans/{fan_id}") in manage.accesses else []
    async with signed_in(base_url, db, api.account_id) as client:
        assert await names(client, api.account_id, "castel") == expected
        page = await client.get(f"/manage/{api.account_id}/find", params={"q": "CASTEL"})
        assert ("Marén Castellane" in page.text) == bool(expected)
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        # By a name nobody is found, since that would tell whose it is; by the id there are initials.
        assert await names(client, api.account_id, "castel") == []
        page = await client.get(f"/manage/{api.account_id}/find", params={"q": f"{fan_id:02d}", "part": "true"})
        assert ("M. C." in page.text) == bool(expected)
        assert "Castellane" not in page.text
    async with signed_in(base_url, db, api.account_id, "editor", business_ids=[2**40]) as client:
        assert await names(client, api.account_id, "castel") == []
    async with signed_in(base_url, db, other_api.account_id) as client:
        assert await names(client, other_api.account_id, "castel") == []


async def test_letters_of_patterns_are_letters(client: httpx.AsyncClient, api: Api) -> None:
    for text in ("%%", "__", "\\\\", "'\"<b>"):
        assert await names(client, api.account_id, text) == []
    assert (await client.get(f"/manage/{api.account_id}/find", params={"q": "x" * 101})).status_code == 422


async def test_whoever_sees_no_figures_has_the_palette_too(base_url: str, db: Db, api: Api, fan_id: int) -> None:
    rights = {"tickets": ["read"]}
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights=rights) as client:
        page = await client.get(f"/manage/{api.account_id}/tickets")
        assert f'href="/manage/{api.account_id}/find"' in page.text
        assert await names(client, api.account_id, "tickets") == ["/tickets"]
        assert await names(client, api.account_id, f"{fan_id:02d}") == []
