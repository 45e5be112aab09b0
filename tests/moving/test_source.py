"""A source that gives what the reference documents and nothing more, with a rate limit, and with fields of its own."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import msgspec
import pytest

from fanfare import app
from fanfare.accounts.actions import create_account
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.moving.actions.running import move_account
from fanfare.moving.gateways import RefusedCall, Source
from fanfare.moving.schemas import Hooks, MoveReport, Options, TableReport
from tests import answers
from tests.api import Api
from tests.servers import Reply, Request, http_server

assert app.FOLLOWERS
CALLS = [each for each in answers.catalogue() if each["method"] == "GET"]
EVERY = 5


def fields_of(path: str) -> set[str]:
    """Return the documented fields of a call; those with the fewest ids in the path first."""
    for call in sorted(CALLS, key=lambda each: each["path"].count("{")):
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", call["path"]), path):
            return set(call["result"]["fields"])
    raise LookupError(path)


def documented(path: str, body: Any) -> Any:
    """Return an answer without what is not documented, and fans with something that is not."""
    fields = fields_of(path)

    def plain(row: dict[str, Any]) -> dict[str, Any]:
        more = {"favourite_colour": "blue"} if path.endswith("/fans/latest") else {}
        return {**{name: value for name, value in row.items() if name in fields or not fields}, **more}

    if isinstance(body, list):
        return [plain(row) for row in body]
    if "data" in body:
        return {"meta": body["meta"], "data": [plain(row) for row in body["data"]]}
    return plain(body)


@pytest.fixture
def plain_url(base_url: str) -> Iterator[str]:
    """The address of a source before the module's server, which refuses each fifth call for some seconds."""
    calls: list[str] = []

    def respond(request: Request) -> Reply:
        calls.append(request.path)
        if len(calls) % EVERY == 0:
            return Reply(b"{}", 429, {"Retry-After": "7"})
        headers = {name: request.headers[name] for name in ("api-key", "api-secret")}
        with urlopen(UrlRequest(f"{base_url}{request.path}?{request.query}", headers=headers)) as answer:  # noqa: S310 - the module's server
            body = documented(request.path, msgspec.json.decode(answer.read()))
        remaining = "0" if len(calls) % EVERY == 1 else "9"
        return Reply(msgspec.json.encode(body), headers={"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": "3"})

    with http_server(respond) as url:
        yield url


async def moved(db: Db, api: Api, url: str) -> tuple[int, MoveReport, list[float]]:
    """Move an account into a new one; return its id, the report, and the pauses in seconds."""
    created = await create_account(db, f"Moved {uuid.uuid4()}", datetime.now(UTC), country_code="CA")
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async with Source(url, api.keys["Api-Key"], api.keys["Api-Secret"], pause=pause) as source:
        options = Options(networks=("shop",))
        hooks = Hooks(system_clock, lambda *_: None)
        report = await move_account(db, created.account_id, (url, source), options, hooks)
    return created.account_id, report, pauses


def table(report: MoveReport, name: str) -> TableReport:
    return next(each for each in report.tables if each.table == name)


async def filled(api: Api) -> None:
    """Write what a source has: fans with and without address, a ticket, a purchase, an opt-in to a business."""
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Shop"))
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="shirt", field_type="text"))
    fan = {
        "email": "ada@example.com",
        "first_name": "Ada",
        "field_shirt": "L",
        f"business_{business['business_id']}": True,
    }
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", **fan)))["fan_id"]
    await api.ok(await api.post("/api/v1/crm/fans", phone="+16045550101", is_phone_subscribed=True))
    await api.ok(await api.post("/api/v1/sessions/connect", network="", business_id=business["business_id"]))
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title="Quiz", field_team="blue"))
    ticket = {
        "first_name": "Ada", "last_name": "Okoro", "email": "ada@example.com", "event_name": "Opener",
        "purchase_timestamp": "2026-05-01 10:00:00", "paid_amount": "20.50", "num_seats": 2, "ticket_key": "T-1",
        "event_date": "2026-06-01",
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/tickets", **ticket))
    purchase = {
        "purchase_key": "P-1", "network": "shop", "order_key": "1", "merchant_key": "m", "gross_sale_amount": "10",
        "order_timestamp": "2026-05-01 10:00:00", "net_sale_amount": "9", "email": "ada@example.com",
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/purchases", **purchase))


async def test_the_documented_calls_suffice(api: Api, db: Db, plain_url: str) -> None:
    await filled(api)
    account_id, report, pauses = await moved(db, api, plain_url)
    counts = {each.table: (each.rows_read, each.here, each.different) for each in report.tables}
    assert counts["fans"] == (3, 3, 0), table(report, "fans")
    for name, count in {"activities": 1, "tickets": 1, "purchases": 1, "businesses": 1, "fields": 1}.items():
        assert counts[name] == (count, count, 0), table(report, name)
    # A field that the reference does not have is listed, with the number of rows.
    assert table(report, "fans").unknown_fields == {"favourite_colour": 3}
    row = await db.row(
        """
        select f.last_name, b.is_opted_in, v.field_value #>> '{}' as shirt, t.paid_amount::float,
               p.net_sale_amount::float
        from fans f join fan_businesses b using (account_id, fan_id) join fan_fields v using (account_id, fan_id)
        join tickets t using (account_id, fan_id) join purchases p using (account_id, fan_id) where account_id = $1
        """,
        account_id,
    )
    assert row is not None
    assert tuple(row.values()) == ("Okoro", True, "L", 20.5, 9.0)
    # It waited as long as the source said: when it refused, and when no call was left.
    assert {round(each) for each in pauses} == {3, 7}


async def test_a_wrong_secret_ends_the_move(api: Api, db: Db, base_url: str) -> None:
    stranger = Api(api.client, api.account_id, uuid.uuid4(), "wrong-secret")
    with pytest.raises(RefusedCall) as refused:
        await moved(db, stranger, base_url)
    assert "401" in str(refused.value)
    assert "wrong-secret" not in str(refused.value)


async def test_an_address_without_the_api_ends_the_move(api: Api, db: Db) -> None:
    with http_server(lambda _: Reply(b"<html>")) as url, pytest.raises(CannotRun, match="not JSON"):
        await moved(db, api, url)
    with (
        http_server(lambda _: Reply(b'{"data": 1}')) as url,
        pytest.raises(CannotRun, match="not what the API documents"),
    ):
        await moved(db, api, url)


async def test_a_source_that_gives_the_same_page_again_ends_the_move(api: Api, db: Db, base_url: str) -> None:
    for number in range(3):
        await api.ok(await api.post("/api/v1/crm/activities", email=f"same{number}@example.com", campaign_title="Same"))

    def respond(request: Request) -> Reply:
        path = request.path
        if path == "/api/v1/crm/activities":
            path += "?min_activity_id=0&limit=2"
        elif request.query:
            path += f"?{request.query}"
        headers = {name: request.headers[name] for name in ("api-key", "api-secret")}
        with urlopen(UrlRequest(f"{base_url}{path}", headers=headers)) as answer:  # noqa: S310 - the module's server
            return Reply(answer.read())

    with http_server(respond) as url, pytest.raises(CannotRun, match="the same rows of activities again and again"):
        await moved(db, api, url)
