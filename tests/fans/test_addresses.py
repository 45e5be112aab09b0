"""Addresses that are banned or let in, and what a ban does."""

from fanfare.fans.actions.identifiers import is_blocked
from fanfare.kernel.data.db import Db
from tests.api import Answer, Api

PATH = "/api/v1/crm/ip_addresses"


async def stranger_writes(api: Api) -> Answer:
    return await api.public_post("/api/v1/performances", performance_name="Open air", performance_date="2026-08-01")


async def test_a_banned_address_writes_nothing_without_the_secret(api: Api, db: Db) -> None:
    assert (await stranger_writes(api)).status_code == 200
    await api.ok(await api.post(PATH, ip_address="127.0.0.0/8", is_blocked=True))
    old = await db.value("select count(*) from performances where account_id = $1", api.account_id)
    refused = await stranger_writes(api)
    assert (refused.status_code, refused.json()["code"]) == (403, "address_blocked")
    assert await db.value("select count(*) from performances where account_id = $1", api.account_id) == old
    values = {"performance_name": "Ours", "performance_date": "2026-08-01"}
    assert (await api.post("/api/v1/performances", **values)).status_code == 200
    assert (await api.public_get("/api/v1/businesses")).status_code == 200
    await api.ok(await api.post(PATH, ip_address="127.0.0.1", is_blocked=False))
    assert (await stranger_writes(api)).status_code == 200
    await api.ok(await api.delete(PATH, ip_address="127.0.0.1", is_blocked=False))
    assert (await stranger_writes(api)).status_code == 403
    await api.ok(await api.delete(PATH, ip_address="127.0.0.0/8", is_blocked=True))
    assert (await stranger_writes(api)).status_code == 200


async def test_a_stranger_cannot_choose_an_address(api: Api) -> None:
    await api.ok(await api.post(PATH, ip_address="127.0.0.1/32", is_blocked="on"))
    headers = {"Api-Key": api.keys["Api-Key"], "X-Forwarded-For": "192.0.2.1", "X-Real-Ip": "192.0.2.1"}
    values = {"performance_name": "Open air", "performance_date": "2026-08-01"}
    answer = await api.client.post("/api/v1/performances", headers=headers, json=values)
    assert answer.status_code == 403
    await api.ok(await api.delete(PATH, ip_address="127.0.0.1", is_blocked="on"))


async def test_a_campaigns_entry_beats_the_accounts_and_the_narrower_the_wider(api: Api, db: Db) -> None:
    page_tab_id = await db.value(
        "insert into campaigns (account_id, title, created_at, updated_at) values ($1, 'Quiz', now(), now())"
        " returning page_tab_id",
        api.account_id,
    )
    for address, is_banned, campaign in (
        ("192.0.2.0/24", True, None), ("192.0.2.64/26", False, None), ("192.0.2.0/25", False, page_tab_id),
        ("2001:db8::/32", True, None),
    ):  # fmt: skip
        values = {"ip_address": address, "is_blocked": is_banned} | ({"page_tab_id": campaign} if campaign else {})
        saved = await api.ok(await api.post(PATH, **values))
        assert saved == {"page_tab_id": campaign, "ip_address": address}
    expected = {
        ("192.0.2.1", None): True,
        ("192.0.2.70", None): False,
        ("192.0.2.1", page_tab_id): False,
        ("192.0.2.200", page_tab_id): True,
        ("198.51.100.1", None): False,
        ("2001:db8::1", None): True,
        (None, None): False,
    }
    result = {query: await is_blocked(db, api.account_id, query[1], query[0]) for query in expected}
    assert result == expected
    listed = await api.ok(await api.get(PATH))
    assert [(row["page_tab_id"], row["ip_address"], row["is_blocked"]) for row in listed] == [
        (None, "192.0.2.0/24", True), (None, "192.0.2.64/26", False), (None, "2001:db8::/32", True),
        (page_tab_id, "192.0.2.0/25", False)]  # fmt: skip


async def test_wrong_entries_are_refused(api: Api, other_api: Api) -> None:
    wrong = await api.post(PATH, ip_address="300.1.1.1", is_blocked="perhaps")
    assert [error["field"] for error in wrong.json()["errors"]] == ["ip_address", "is_blocked"]
    assert (await api.delete(PATH, ip_address="203.0.113.9", is_blocked=True)).status_code == 404
    await api.ok(await api.post(PATH, ip_address="203.0.113.9", is_blocked=True))
    assert (await other_api.delete(PATH, ip_address="203.0.113.9", is_blocked=True)).status_code == 404
    assert (await other_api.post(PATH, ip_address="1.1.1.1", is_blocked=True, page_tab_id=1)).status_code == 404


async def test_ipv4_written_as_ipv6_is_the_same_address(api: Api) -> None:
    for written, normal in (("::ffff:127.0.0.1", "127.0.0.1"), ("::ffff:127.0.0.0/104", "127.0.0.0/8")):
        saved = await api.ok(await api.post(PATH, ip_address=written, is_blocked=True))
        assert saved["ip_address"] == normal
        assert (await stranger_writes(api)).status_code == 403
        await api.ok(await api.delete(PATH, ip_address=normal, is_blocked=True))
        assert (await stranger_writes(api)).status_code == 200
