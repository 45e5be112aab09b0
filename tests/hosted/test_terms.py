"""Terms that change while a fan reads them, and steps that are refused after them."""

import httpx
import pytest

from tests.api import Api
from tests.hosted.logins import login_url, register_site, submit
from tests.hosted.pages import terms_in, token_in, visitor
from tests.hosted.test_login import business_with_terms, pending_in
from tests.sessions.logins import PASSWORD, registered


@pytest.fixture(scope="module", autouse=True)
async def site(api: Api) -> None:
    await register_site(api)


async def test_terms_that_change_while_they_are_read_are_shown_again(api: Api, base_url: str) -> None:
    await registered(api, "dov@example.org")
    message = "These texts have changed."

    async def send_twice(client: httpx.AsyncClient, page: httpx.Response, path: str, **fields: str) -> None:
        """Send a form whose texts change meanwhile, and then the page that shows the new ones."""
        await api.ok(await api.post(f"/api/v1/manage/businesses/{business_id}", legal_terms=f"Changed for {path}."))
        for is_first in (True, False):
            data = {"form_token": token_in(page), **terms_in(page), **fields, "is_accepted": "true"}
            page = await client.post(login_url(api, path), data=data)
            assert (page.status_code, message in page.text) == ((422, True) if is_first else (303, False))
            assert not is_first or f"Changed for {path}." in page.text

    async with business_with_terms(api) as business_id, visitor(base_url) as client, visitor(base_url) as other:
        page = await submit(client, login_url(api), contact="dov@example.org", password=PASSWORD)
        await send_twice(client, page, "/crm/oauth/terms", pending=pending_in(page))
        page = await other.get(login_url(api, "/crm/oauth/register"))
        await send_twice(other, page, "/crm/oauth/register", email="dot@example.org", password=PASSWORD)


async def test_a_step_that_is_refused_after_the_terms_says_so(api: Api, base_url: str) -> None:
    dina = await registered(api, "dina@example.org")
    async with business_with_terms(api), visitor(base_url) as client:
        page = await submit(client, login_url(api), contact="dina@example.org", password=PASSWORD)
        await api.ok(await api.post(f"/api/v1/crm/fans/{dina['fan_id']}", password="another horse"))
        fields = {"form_token": token_in(page), **terms_in(page), "pending": pending_in(page), "is_accepted": "true"}
        page = await client.post(login_url(api, "/crm/oauth/terms"), data=fields)
        assert page.status_code == 422
        assert "The email address, number or password is wrong." in page.text
        assert 'action="/crm/oauth?' in page.text
