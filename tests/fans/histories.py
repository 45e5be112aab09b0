"""Random histories of fans over all that is kept of them, and the rows they leave, for merging and parting."""

import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.rules.twins import tables

Doing = Callable[[int], Awaitable[None]]
# What a merge and its undoing leave behind: what happened, and later moments.
JOURNALS = {"audit_entries", "audit_heads", "changes", "merged_rows"}
MOMENTS = {"fans": {"position", "updated_at"}, "fan_merges": {"undone_at"}, "fan_tags": {"position"}}


class Story:
    """Things that can be done with fans of an account, chosen by chance."""

    def __init__(self, api: Api, chance: random.Random) -> None:
        self.api = api
        self.chance = chance
        self.values: dict[str, list[Any]] = {}

    async def post(self, path: str, **values: Any) -> Any:
        return await self.api.ok(await self.api.post(f"/api/v1/{path}", **values))

    async def begin(self) -> None:
        """Make what fans have to do with: two of each kind."""
        for place in range(2):
            word = uuid.uuid4().hex
            created = {
                "business_id": await self.post("manage/businesses", business_name=word),
                "point_uid": await self.post("manage/points", point_name=word),
                "idol_uid": await self.post("idols", idol_name=word, idol_type="team"),
                "performance_uid": await self.post(
                    "performances", performance_name=word, performance_date="2026-01-02"
                ),
                "page_tab_id": await self.post("manage/campaigns", title=word, app_type="wager"),
            }
            for name, answer in created.items():
                self.values.setdefault(name, []).append(answer[name])
            await self.post("manage/fields", crm_field_key=f"size_{place}", field_type="text")
            item = await self.post(f"manage/campaigns/{created['page_tab_id']['page_tab_id']}/items", title="Item")
            self.values.setdefault("tab_item_id", []).append(item["tab_item_id"])
            event = {"idol_uid": created["idol_uid"]["idol_uid"], "start_timestamp": "2026-07-03 20:30:00"}
            self.values.setdefault("event_uid", []).append(
                (await self.post("manage/idol_events", **event))["event_uid"]
            )

    def some(self, name: str) -> Any:
        return self.chance.choice(self.values[name])

    async def fan(self) -> int:
        """Make a fan who is known by an address, a number or both."""
        number = f"+1604555{self.chance.randrange(10**4):04d}"
        contact = {"email": f"{uuid.uuid4().hex}@example.com", "phone": number}
        for name in list(contact):
            if len(contact) > 1 and self.chance.random() < 0.4:
                del contact[name]
        created = await self.post("crm/fans", **contact)
        return int(created["fan_id"])

    async def do(self, fan_id: int) -> None:
        """Do one thing by chance."""
        choices = [self.say, self.say, self.change, self.follow, self.play, self.buy, self.label, self.come]
        await self.chance.choice(choices)(fan_id)

    async def say(self, fan_id: int) -> None:
        names = [
            "is_subscribed",
            "is_phone_subscribed",
            "is_optout",
            *(f"business_{b}" for b in self.values["business_id"]),
        ]
        words = {name: self.chance.random() < 0.5 for name in names if self.chance.random() < 0.4}
        await self.post(f"crm/fans/{fan_id}", **words)

    async def change(self, fan_id: int) -> None:
        word = uuid.uuid4().hex[:12]
        choices: list[dict[str, Any]] = [
            {"first_name": word}, {"last_name": word}, {"display_name": f"Fan {word}"}, {"gender": "other"},
            {"birth_date": "1990-02-03"}, {"country_code": "CA", "province": "BC", "city": word},
            {"country_code": "FR"}, {"is_confirmed": True}, {"field_size_0": word}, {"field_size_1": word},
            {"password": word},
            {"add_phone": f"+1604556{self.chance.randrange(10**4):04d}"}, {"image_url": f"https://example.com/{word}"},
        ]  # fmt: skip
        await self.api.post(f"/api/v1/crm/fans/{fan_id}", **self.chance.choice(choices))
        if self.chance.random() < 0.3:
            await self.post(f"manage/fans/{fan_id}/identifiers", network="yinzcam", identifier_value=word)

    async def follow(self, fan_id: int) -> None:
        path, name = self.chance.choice(
            [("idols", "idol_uid"), ("performances", "performance_uid"), ("events", "event_uid")]
        )
        extra = {"action": "add"} if path == "idols" else {}
        await self.post(f"crm/fans/{fan_id}/{path}", **{name: self.some(name)}, **extra)

    async def play(self, fan_id: int) -> None:
        campaign = f"manage/campaigns/{self.some('page_tab_id')}"
        if self.chance.random() < 0.5:
            await self.post(f"crm/fans/{fan_id}/activities", campaign_title=f"Quiz {self.chance.randrange(3)}")
            await self.post(f"{campaign}/events", events=[{"target": "chat_history", "fan_id": fan_id}])
        else:
            count = self.chance.choice([-3, 1, 7, 2100])
            extra = {"page_tab_id": self.some("page_tab_id")} if self.chance.random() < 0.5 else {}
            uid = self.some("point_uid")
            await self.post("crm/fan_points", point_uid=uid, fan_id=fan_id, point_count=count, **extra)
            await self.post(f"manage/fans/{fan_id}/visibility", is_hidden=self.chance.random() < 0.3)

    async def buy(self, fan_id: int) -> None:
        fan = await self.api.ok(await self.api.get(f"/api/v1/crm/fans/{fan_id}"))
        if fan["email"]:
            keys = {name: uuid.uuid4().hex for name in ("purchase_key", "order_key", "merchant_key", "customer_key")}
            amounts = {"gross_sale_amount": 5, "net_sale_amount": 4, "order_timestamp": "2026-05-01 17:30:00"}
            await self.post("crm/purchases", network="shop", email=fan["email"], **keys, **amounts)

    async def come(self, fan_id: int) -> None:
        """Register, get passes, stand on a frozen list."""
        key = uuid.uuid4().hex
        ticket = {"paid_amount": 5, "num_seats": 1, "purchase_timestamp": "2026-05-01 17:30:00", "ticket_key": key}
        fan = await self.api.ok(await self.api.get(f"/api/v1/crm/fans/{fan_id}"))
        if fan["email"]:
            person = {"first_name": "A", "last_name": "B", "email": fan["email"]}
            await self.post("crm/tickets", event_name="Final", event_date="2026-06-20", **ticket, **person)
        event = {"event_name": "Final", "event_date": "2026-06-20", "registration_timestamp": "2026-06-20 17:30:00"}
        person = {"first_name": "A", "last_name": "B", "email": f"{key}@example.com"}
        values = {"registration_key": key, "network": "gate", **event, **person}
        await self.post(f"crm/fans/{fan_id}/registrations", **values)
        await self.post(f"manage/campaigns/{self.some('page_tab_id')}/passes", quantity=2, fan_id=fan_id)
        if self.chance.random() < 0.3:
            fan_ids = [fan_id, *self.values.get("fan_id", [])]
            await self.post("manage/snapshots", snapshot_name=key, fan_ids=fan_ids)
            self.values["fan_id"] = [fan_id]

    async def label(self, fan_id: int) -> None:
        action = "delete" if self.chance.random() < 0.3 else "add"
        name = f"tag {self.chance.randrange(3)}"
        await self.api.post("/api/v1/manage/tags/fans", tag_name=name, fan_ids=[fan_id], action=action)


async def rows(db: Db, account_id: int) -> dict[str, list[str]]:
    """Return all rows of an account, by table, without what a merge and its undoing leave."""
    result: dict[str, list[str]] = {}
    for name in set(await tables(db)) - JOURNALS:
        where = {"standing_buckets": " and fan_count <> 0", "fan_merges": " and undone_at is null"}.get(name, "")
        left_out = sorted(MOMENTS.get(name, set()))
        result[name] = await db.value(
            f"select coalesce(array_agg(row order by row), '{{}}') from ("
            f" select (to_jsonb(t) - $2::text[])::text as row from {name} t where account_id = $1{where}) as rows",
            account_id,
            left_out,
        )
    return result


SUMS = """
    select board, fan_id, sum(point_count)::bigint as total, count(*) as award_count
    from fan_points cross join lateral (values ('point:' || point_uid), ('campaign:' || page_tab_id)) as b (board)
    where account_id = $1 and board is not null group by board, fan_id
"""
BUCKETS = """
    select board, level, bucket, count(*) as fan_count from standings
    cross join lateral (values (0, standing_bucket(total)), (1, standing_bucket(total) >> 7)) as step (level, bucket)
    where account_id = $1 group by board, level, bucket
"""
ACTIVE = """
    select fan_id, min(created_at) as first_active_at, max(created_at) as last_active_at, count(*) as activity_count
    from activities where account_id = $1 group by fan_id
"""


async def check_sums(db: Db, account_id: int) -> None:
    """Compare what is kept beside bookings and activities with what follows from them."""
    for definition, remaining in (
        (SUMS, "select board, fan_id, total, award_count from standings where account_id = $1"),
        (
            BUCKETS,
            "select board, level, bucket, fan_count from standing_buckets where account_id = $1 and fan_count <> 0",
        ),
        (
            ACTIVE,
            "select fan_id, first_active_at, last_active_at, activity_count from fan_activity where account_id = $1",
        ),
    ):
        for one, second in ((definition, remaining), (remaining, definition)):
            assert await db.rows(f"{one} except {second}", account_id) == []


async def check_flags(db: Db, account_id: int, fan_id: int) -> None:
    words = await db.rows(
        "select channel, is_granted, business_id from consents where account_id = $1 and fan_id = $2"
        " order by given_at, is_granted desc",
        account_id,
        fan_id,
    )
    flags = {"email": False, "phone": False, "everything": True}
    opted: set[int] = set()
    for channel, granted, business_id in words:
        if channel == "everything" and not granted:
            flags, opted = {"email": False, "phone": False, "everything": False}, set()
        elif channel == "business":
            opted = opted | {business_id} if granted else opted - {business_id}
        else:
            flags[channel] = granted
        if granted:
            flags["everything"] = True
    fan = await db.row(
        "select is_subscribed, is_phone_subscribed, is_optout from fans where account_id = $1 and fan_id = $2",
        account_id,
        fan_id,
    )
    assert fan is not None
    assert tuple(fan) == (flags["email"], flags["phone"], not flags["everything"])
    listed = await db.rows(
        "select business_id from fan_businesses where account_id = $1 and fan_id = $2 and is_opted_in",
        account_id,
        fan_id,
    )
    assert {row["business_id"] for row in listed} == opted
