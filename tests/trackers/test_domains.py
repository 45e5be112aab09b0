"""Virtual domains: confirmed by the DNS, for one account alone, and what links on them do."""

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.name_servers import NameServer, name_server
from tests.trackers.links import TARGET, browser, click, new_tracker, query_of

__all__ = ["name_server"]
PATH = "/api/v1/manage/tracker_domains"


@pytest.fixture(scope="module")
def settings(settings: Settings, name_server: tuple[NameServer, int]) -> Settings:
    """The settings of a server that asks that name server."""
    return settings.replace(name_servers=(f"127.0.0.1:{name_server[1]}",))


async def added(api: Api, host: str) -> dict[str, str]:
    """Add a domain and return it."""
    domain_id = (await api.ok(await api.post(PATH, virtual_domain=host)))["domain_id"]
    rows = await api.ok(await api.get(PATH))
    domain: dict[str, str] = next(row for row in rows if row["domain_id"] == domain_id)
    return domain


async def confirmed(api: Api, server: NameServer, host: str) -> dict[str, str]:
    """Add a domain and confirm it."""
    domain = await added(api, host)
    server.records[domain["txt_name"]] = domain["txt_value"]
    assert await api.ok(await api.post(f"{PATH}/{domain['domain_id']}/check"))
    return domain


async def test_a_domain_redirects_once_it_is_confirmed(
    api: Api, base_url: str, name_server: tuple[NameServer, int]
) -> None:
    server, _ = name_server
    domain = await added(api, "Go.Example.com.")
    assert (domain["virtual_domain"], domain["txt_name"]) == ("go.example.com", "_fanfare.go.example.com")
    path = f"{PATH}/{domain['domain_id']}"
    server.records[domain["txt_name"]] = "fanfare-domain=another"
    assert await api.ok(await api.post(f"{path}/check")) is False
    tracker = {"virtual_domain": "go.example.com", "target_url": TARGET, "tracker_name": "x", "tracker_group_name": "x"}
    assert (await api.post("/api/v1/trackers", **tracker)).status_code == 422
    server.records[domain["txt_name"]] = domain["txt_value"]
    assert await api.ok(await api.post(f"{path}/check")) is True
    rows = await api.ok(await api.get(PATH))
    row = next(each for each in rows if each["domain_id"] == domain["domain_id"])
    # Nothing listens on port 443 of that host.
    assert (row["is_confirmed"], row["is_secure"], "https" in row["check_fault"]) == (True, False, True)
    saved = await new_tracker(api, virtual_domain="go.example.com", tracker_key="only")
    assert saved["virtual_domain"] == "go.example.com"
    for host in ("go.example.com", "GO.EXAMPLE.COM:8443", "go.example.com."):
        answer = await click(base_url, "only", Host=host)
        assert answer.headers["location"].startswith(TARGET)
    for host in ("localhost", "evil.example", "go.example.com.evil.example", "", "x" * 5000, "go.example.com:x", "["):
        assert (await click(base_url, "only", Host=host)).status_code in {400, 404}


async def test_a_name_server_that_fails_is_no_missing_record(api: Api, name_server: tuple[NameServer, int]) -> None:
    server, _ = name_server
    domain = await added(api, "broken.example.com")
    path = f"{PATH}/{domain['domain_id']}"

    async def fault() -> str:
        assert await api.ok(await api.post(f"{path}/check")) is False
        rows = await api.ok(await api.get(PATH))
        return str(next(each["check_fault"] for each in rows if each["domain_id"] == domain["domain_id"]))

    assert "is missing" in await fault()
    server.broken = {domain["txt_name"]}
    assert "no name server" in await fault()
    server.broken = set()


async def test_a_domain_is_of_one_account(
    api: Api, other_api: Api, base_url: str, name_server: tuple[NameServer, int]
) -> None:
    server, _ = name_server
    await confirmed(api, server, "one.example.com")
    other = await added(other_api, "one.example.com")
    assert await other_api.ok(await other_api.post(f"{PATH}/{other['domain_id']}/check")) is False
    server.records[other["txt_name"]] = other["txt_value"]
    answer = await other_api.post(f"{PATH}/{other['domain_id']}/check")
    assert (answer.status_code, answer.json()["code"]) == (409, "domain_taken")
    names = {"tracker_name": "x", "tracker_group_name": "x"}
    answer = await other_api.post("/api/v1/trackers", virtual_domain="one.example.com", target_url=TARGET, **names)
    assert answer.status_code == 422
    # A key of the shared host and of another domain is none of this one.
    await new_tracker(other_api, tracker_key="shared")
    assert (await click(base_url, "shared", Host="one.example.com")).status_code == 404
    assert (await click(base_url, "shared")).status_code == 302


async def test_a_domain_is_removed_when_nothing_uses_it(
    api: Api, other_api: Api, base_url: str, name_server: tuple[NameServer, int]
) -> None:
    domain = await confirmed(api, name_server[0], "gone.example.com")
    path = f"{PATH}/{domain['domain_id']}"
    saved = await new_tracker(api, virtual_domain="gone.example.com")
    answer = await api.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "domain_in_use")
    assert (await other_api.delete(path)).status_code == 404
    assert (await other_api.post(f"{path}/check")).status_code == 404
    await api.ok(await api.delete(f"/api/v1/manage/trackers/{saved['tracker_id']}"))
    assert await api.ok(await api.delete(path))
    assert (await click(base_url, saved["tracker_key"], Host="gone.example.com")).status_code == 404
    assert (await api.delete(path)).status_code == 404


async def test_a_proxy_asks_whether_to_get_a_certificate(
    api: Api, base_url: str, name_server: tuple[NameServer, int]
) -> None:
    await confirmed(api, name_server[0], "tls.example.com")
    await added(api, "pending.example.com")
    async with browser(base_url) as client:
        for host, status in (("tls.example.com", 200), ("pending.example.com", 404), ("x.example", 404), ("", 404)):
            assert (await client.get("/trk/check", params={"domain": host})).status_code == status
        first, second = [(await client.get("/trk/check", params={"nonce": nonce})).text for nonce in "ab"]
    assert first != second


async def test_a_sale_on_a_virtual_domain_needs_no_key(
    api: Api, db: Db, base_url: str, name_server: tuple[NameServer, int]
) -> None:
    await confirmed(api, name_server[0], "pay.example.com")
    saved = await new_tracker(api, virtual_domain="pay.example.com")
    token = query_of(await click(base_url, saved["tracker_key"], Host="pay.example.com"))["trk_click"]
    async with browser(base_url, Host="pay.example.com") as client:
        params = {"order_key": "keyless", "trk_click": token}
        assert (await client.get("/trk/pixel.gif", params=params)).status_code == 200
    assert await db.value("select tracker_id from tracker_events where order_key = 'keyless'") == saved["tracker_id"]


@pytest.mark.parametrize("host", ["localhost", "192.0.2.7", "https://a.example", "a b.example", "-a.example"])
async def test_a_virtual_domain_is_a_host_name(api: Api, host: str) -> None:
    answer = await api.post(PATH, virtual_domain=host)
    assert [error["field"] for error in answer.json()["errors"]] == ["virtual_domain"]
