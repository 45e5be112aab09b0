"""Where fans may use passkeys: what an account registers, and what the installation's own pages are."""

from typing import Any

import pytest

from fanfare.kernel.running.public_address import PublicAddress
from fanfare.kernel.running.settings import Settings
from fanfare.passkeys import queries
from fanfare.passkeys.actions import origins as actions
from fanfare.passkeys.schemas.origins import Origin
from tests.api import Api
from tests.passkeys.authenticator import ORIGIN, RP_ID, Authenticator
from tests.passkeys.logins import login_options, path
from tests.sessions.logins import registered, try_connect

ORIGINS = "/api/v1/manage/passkey_origins"
APP = f"android:apk-key-hash:{'a' * 43}"
WRONG: list[tuple[dict[str, str], str]] = [
    ({"origin": "http://example.com"}, "origin"),
    ({"origin": "https://example.com/"}, "origin"),
    ({"origin": "https://EXAMPLE.com"}, "origin"),
    ({"origin": "https://example.com:443"}, "origin"),
    ({"origin": "https://example.com:x"}, "origin"),
    ({"origin": "https://user@example.com"}, "origin"),
    ({"origin": "https://127.0.0.1"}, "origin"),
    ({"origin": "https://[::1"}, "origin"),
    ({"origin": "https://com"}, "origin"),
    ({"origin": "null"}, "origin"),
    ({"origin": APP}, "rp_id"),
    ({"origin": "https://a.example.com", "rp_id": "b.example.com"}, "rp_id"),
    ({"origin": "https://badexample.com", "rp_id": "example.com"}, "rp_id"),
    ({"origin": "https://example.com", "rp_id": "com"}, "rp_id"),
]


@pytest.mark.parametrize(("values", "field"), WRONG)
async def test_what_no_browser_sends_is_refused(api: Api, values: dict[str, str], field: str) -> None:
    answer = await api.post(ORIGINS, **values)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_an_account_without_origins_has_no_passkeys(api: Api) -> None:
    """The tests' server listens on an IP address, for which no browser makes passkeys."""
    session = await registered(api, "none@example.org")
    assert await api.ok(await api.get(ORIGINS)) == []
    for answer in (
        await api.public_post(path(session["session_uid"], "/options")),
        await try_connect(api, "passkey_options"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "no_origin")


async def test_a_passkey_is_for_a_host_and_all_its_origins(other_api: Api) -> None:
    api = other_api
    session = await registered(api, "origins@example.org")
    site, app, _ = [
        await api.ok(await api.post(ORIGINS, origin=origin, rp_id=rp_id))
        for origin, rp_id in ((ORIGIN, RP_ID), (APP, RP_ID), ("http://localhost:3000", ""))
    ]
    assert [each["rp_id"] for each in await api.ok(await api.get(ORIGINS))] == [RP_ID, RP_ID, "localhost"]
    assert (await api.post(ORIGINS, origin=ORIGIN)).json()["code"] == "origin_taken"
    answer = await api.public_post(path(session["session_uid"], "/options"))
    message = "is required: the account has example.com, localhost"
    assert answer.json()["errors"] == [{"field": "rp_id", "message": message}]
    assert (await api.public_post(path(session["session_uid"], "/options"), rp_id="x.com")).status_code == 422
    device = Authenticator()
    options = await api.ok(await api.public_post(path(session["session_uid"], "/options"), rp_id=RP_ID))
    credential = device.register(options["passkey_options"], origin=app["origin"])
    await api.ok(await api.public_post(path(session["session_uid"]), credential=credential))

    async def status_at(origin: str) -> Any:
        options = await login_options(api, rp_id=RP_ID)
        return (await try_connect(api, "passkey", credential=device.log_in(options, origin=origin))).status_code

    assert [await status_at(origin) for origin in (ORIGIN, APP, "http://localhost:3000")] == [200, 200, 422]
    # A passkey of one host does not answer for another.
    options = {**await login_options(api, rp_id="localhost"), "rpId": RP_ID}
    assert (await try_connect(api, "passkey", credential=device.log_in(options))).status_code == 422
    await api.ok(await api.delete(f"{ORIGINS}/{site['passkey_origin_id']}"))
    assert (await api.delete(f"{ORIGINS}/{site['passkey_origin_id']}")).status_code == 404
    assert [await status_at(origin) for origin in (ORIGIN, APP)] == [422, 200]


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [
        ("https://fans.example.com", ("https://fans.example.com", "fans.example.com")),
        ("https://fans.example.com:8443/", ("https://fans.example.com:8443", "fans.example.com")),
        ("http://localhost:8080", ("http://localhost:8080", "localhost")),
        ("http://fans.example.com", None),
        ("https://203.0.113.7", None),
        ("", None),
    ],
)
def test_the_installations_own_pages(
    public_url: str, expected: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = PublicAddress()
    address.use(Settings(public_url=public_url))
    monkeypatch.setattr(queries, "public_address", address)
    origin = queries.own_origin()
    assert (None if origin is None else (origin.origin, origin.rp_id)) == expected


async def test_our_own_pages_count_among_no_origins_of_an_account(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Origin(None, "https://pages.example", "pages.example", None)
    monkeypatch.setattr(queries, "own_origin", lambda: pages)
    present = [each for each in await api.ok(await api.get(ORIGINS)) if each["passkey_origin_id"] is not None]
    monkeypatch.setattr(actions, "MAX_ORIGINS", len(present) + 1)
    await api.ok(await api.post(ORIGINS, origin="https://last.example.com"))
    answer = await api.post(ORIGINS, origin="https://more.example.com")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_origins")
