"""Whoever was erased here stays away, whatever the source has of them, in this run and each later one."""

import itertools
from collections.abc import Iterator

import msgspec
import pytest

from fanfare import app
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.moving.moves import FANS, Target, new_target, reasons, relay, table
from tests.servers import Reply, Request, http_server

assert app.FOLLOWERS
numbers = itertools.count(1)


@pytest.fixture
async def target(api: Api, db: Db, base_url: str) -> Target:
    return await new_target(api, db, base_url)


@pytest.fixture
def nameless_url(base_url: str) -> Iterator[str]:
    """The address of a source whose sales name no fan, as the reference documents tickets."""

    def respond(request: Request) -> Reply:
        body = relay(base_url, request)
        if request.path in ("/api/v1/crm/tickets", "/api/v1/crm/purchases"):
            body["data"] = [{name: value for name, value in row.items() if name != "fan_id"} for row in body["data"]]
        return Reply(msgspec.json.encode(body))

    with http_server(respond) as url:
        yield url


@pytest.fixture
def email() -> str:
    return f"ada{next(numbers)}@example.com"


async def new_fan(api: Api, email: str) -> int:
    fan_id: int = (await api.ok(await api.post(FANS, email=email, first_name="Ada")))["fan_id"]
    return fan_id


async def ticket(api: Api, email: str) -> None:
    fields = {
        "first_name": "Ada", "last_name": "Okoro", "email": email, "event_name": "Opener", "num_seats": 2,
        "purchase_timestamp": "2026-05-01 10:00:00", "paid_amount": "20.50", "ticket_key": f"T-{next(numbers)}",
        "event_date": "2026-06-01",
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/tickets", **fields))


async def purchase(api: Api, email: str) -> None:
    fields = {
        "purchase_key": f"P-{next(numbers)}", "network": "shop", "order_key": "1", "merchant_key": "m",
        "gross_sale_amount": "10", "order_timestamp": "2026-05-01 10:00:00", "net_sale_amount": "9", "email": email,
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/purchases", **fields))


async def bought(api: Api, email: str) -> None:
    await ticket(api, email)
    await purchase(api, email)


async def rows_here(target: Target) -> tuple[int, int]:
    """Return how many tickets and purchases are here."""
    here = target.here
    tickets = (await here.ok(await here.get("/api/v1/crm/tickets", min_ticket_id=0)))["data"]
    window = {"network": "shop", "start_date": "2000-01-01", "end_date": "2199-01-01"}
    purchases = (await here.ok(await here.get("/api/v1/crm/purchases", **window)))["data"]
    return len(tickets), len([each for each in purchases if each["email"] or each["phone"]])


async def test_sales_do_not_bring_an_erased_fan_back(target: Target, email: str) -> None:
    await new_fan(target.there, email)
    await bought(target.there, email)
    await target.move()
    await target.erase(email)
    # A row that is new, and those that were here.
    await bought(target.there, email)
    for _ in range(2):
        report = await target.move()
        assert email not in await target.fans()
        assert (await rows_here(target))[1] == 0
        assert reasons(report, "purchases")["the fan is not here"] == 2
        assert reasons(report, "tickets")["the fan is not here"] == 1


async def test_an_erased_fan_with_another_address_there_stays_away(target: Target, email: str) -> None:
    fan_id = await new_fan(target.there, email)
    await target.move()
    await target.erase(email)
    await target.there.ok(await target.there.post(f"{FANS}/{fan_id}", email=f"new-{email}"))
    await bought(target.there, f"new-{email}")
    for _ in range(2):
        report = await target.move()
        assert f"new-{email}" not in await target.fans()
        assert reasons(report, "fans") == {"was erased here": 1}
        assert await rows_here(target) == (0, 0)


async def test_a_fan_who_was_erased_before_the_move_stays_away(target: Target, email: str) -> None:
    await new_fan(target.here, email)
    await target.erase(email)
    fan_id = await new_fan(target.there, email)
    for change in ({"last_name": "Okoro"}, {"email": f"new-{email}"}):
        report = await target.move()
        assert not {email, f"new-{email}"} & (await target.fans()).keys()
        assert "was erased here" in reasons(report, "fans")
        await target.there.ok(await target.there.post(f"{FANS}/{fan_id}", **change))


async def test_a_source_that_names_no_fan_brings_nobody_back(target: Target, email: str, nameless_url: str) -> None:
    await new_fan(target.there, email)
    blind = target._replace(url=nameless_url)
    await blind.move()
    await blind.erase(email)
    await bought(target.there, email)
    report = await blind.move()
    assert email not in await blind.fans()
    assert await rows_here(blind) == (0, 0)
    for name in ("tickets", "purchases"):
        assert reasons(report, name)["was erased here"] == 1
    assert table(report, "tickets").different == 1
