"""Which fans people see who work for some businesses only: each way to have something to do with a business."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.audience.counting import criteria_stats, fan_count
from fanfare.fans.queries.business_limits import check_seen, seen_fans
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.search.criteria import Criteria
from fanfare.search.queries import fans
from fanfare.search.queries.conditions import condition
from fanfare.search.queries.listing import ListWindow, fans_listed
from fanfare.segments.queries.segments import segment_status
from tests.api import Api

Post = Callable[..., Awaitable[Any]]
DAY = "2026-07-03"


@pytest.fixture(scope="module")
def post(api: Api) -> Post:
    async def send(path: str, **values: Any) -> Any:
        return await api.ok(await api.post(f"/api/v1/{path}", **values))

    return send


async def said_a_word(post: Post, _: Db, fan_id: int, business_id: int) -> None:
    # A no is a word too.
    await post(f"crm/fans/{fan_id}", **{f"business_{business_id}": False})


async def accepted_terms(_: Post, db: Db, fan_id: int, business_id: int) -> None:
    sql = "insert into accepted_terms select account_id, $1, business_id, '', null, now() from businesses"
    await db.execute(f"{sql} where business_id = $2", fan_id, business_id)


async def entered_a_campaign(post: Post, _: Db, fan_id: int, business_id: int) -> None:
    title = f"Quiz {business_id}"
    await post("manage/campaigns", title=title, app_type="custom", business_id=business_id)
    await post(f"crm/fans/{fan_id}/activities", campaign_title=title)


async def got_a_pass(post: Post, _: Db, fan_id: int, business_id: int) -> None:
    campaign = await post("manage/campaigns", title="Gate", app_type="quiz", business_id=business_id)
    path = f"manage/campaigns/{campaign['page_tab_id']}"
    section = await post(f"{path}/pass_sections", section_name="Floor", capacity=5)
    await post(f"{path}/passes", section_uid=section["section_uid"], quantity=1, fan_id=fan_id)


async def follows_a_performance(post: Post, _: Db, fan_id: int, business_id: int) -> None:
    values = {"performance_name": "Derby", "performance_date": DAY, "business_id": business_id}
    performance = await post("performances", **values)
    await post(f"crm/fans/{fan_id}/performances", performance_uid=performance["performance_uid"])


async def _performance(post: Post, name: str, business_id: int) -> None:
    await post("performances", performance_name=name, performance_date=DAY, business_id=business_id)


async def has_a_ticket(post: Post, db: Db, fan_id: int, business_id: int) -> None:
    await _performance(post, "Cup final", business_id)
    email = await db.value("select email from fans where fan_id = $1", fan_id)
    ticket = {"email": email, "first_name": "A", "last_name": "B", "paid_amount": 5, "num_seats": 1, "ticket_key": "t"}
    when = {"event_date": DAY, "purchase_timestamp": "2026-05-01 17:30:00"}
    await post("crm/tickets", event_name="Cup FINAL", **ticket, **when)


async def is_registered(post: Post, db: Db, fan_id: int, business_id: int) -> None:
    await _performance(post, "Tideline", business_id)
    email = await db.value("select email from fans where fan_id = $1", fan_id)
    person = {"email": email, "first_name": "A", "last_name": "B", "network": "festival", "registration_key": "r"}
    when = {"event_date": DAY, "registration_timestamp": "2026-05-01 17:30:00"}
    await post("crm/registrations", event_name="tideline", **person, **when)


WAYS = [has_a_ticket, is_registered, said_a_word, accepted_terms, entered_a_campaign, got_a_pass, follows_a_performance]


@pytest.mark.parametrize("way", WAYS)
async def test_a_fan_who_has_something_to_do_with_a_business(api: Api, db: Db, post: Post, way: Any) -> None:
    name = way.__name__
    business_id, foreign_id = [
        (await post("manage/businesses", business_name=f"{name} {n}"))["business_id"] for n in range(2)
    ]
    fan_id, stranger = [(await post("crm/fans", email=f"{name}{n}@example.com"))["fan_id"] for n in range(2)]
    db = db.for_account(api.account_id)
    assert await seen_fans(db, api.account_id, [fan_id, stranger], [business_id]) == []
    await way(post, db, fan_id, business_id)
    assert await seen_fans(db, api.account_id, [stranger, fan_id, 2**40], [business_id]) == [fan_id]
    assert await seen_fans(db, api.account_id, [fan_id], [foreign_id]) == []
    assert await seen_fans(db, api.account_id, [fan_id], [foreign_id, business_id]) == [fan_id]
    assert await seen_fans(db, api.account_id, [fan_id], []) == []
    assert await seen_fans(db, api.account_id, [fan_id, stranger], None) == sorted([fan_id, stranger])
    account, now = await account_by_id(db, api.account_id), datetime.now(UTC)
    # Search, count and statistics agree.
    where = await condition(db, account, Criteria(), now, business_ids=(business_id,))
    assert await fans.ids(db, where, 10) == [fan_id]
    assert await fan_count(db, account, Criteria(), now, (business_id,)) == 1
    assert (await criteria_stats(db, account, Criteria(), now, (business_id,))).fans.fan_count == 1
    assert await fan_count(db, account, Criteria(name="nobody"), now, (business_id,)) == 0
    window = ListWindow(is_newest_first=True, last_fan_id=None, limit=10)
    listed = await fans_listed(db, account, Criteria(), window, now, (business_id,))
    assert [each.fan_id for each in listed.fans] == [fan_id]
    assert (await segment_status(db, account, Criteria(), now, (business_id,))).fan_count == 1


async def test_a_fan_of_another_business_is_as_unknown_as_nobody(api: Api, db: Db, post: Post) -> None:
    business_id = (await post("manage/businesses", business_name="Hall"))["business_id"]
    fan_id = (await post("crm/fans", email="hall@example.com"))["fan_id"]
    db = db.for_account(api.account_id)
    await check_seen(db, api.account_id, fan_id, None)
    with pytest.raises(Unknown, match=f"No fan has the id {fan_id}"):
        await check_seen(db, api.account_id, fan_id, [business_id])


async def test_another_account_is_not_seen(other_api: Api, db: Db, post: Post) -> None:
    business_id = (await post("manage/businesses", business_name="Pier"))["business_id"]
    fan_id = (await post("crm/fans", email="pier@example.com", **{f"business_{business_id}": True}))["fan_id"]
    assert await seen_fans(db.for_account(other_api.account_id), other_api.account_id, [fan_id], [business_id]) == []
