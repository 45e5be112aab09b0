"""Each table of a source: what a later run tells of it, rows that are wrong, and a move that ends in each of them."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from fanfare import app
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.moving.actions.catalogue import TABLES
from fanfare.moving.actions.present import CHANGE_NOTE
from fanfare.moving.queries import UNSEEN
from fanfare.moving.schemas import MoveReport
from tests.api import Api, new_api
from tests.moving.meddling import Meddler, Row, figures, fill, meddling, move_all
from tests.moving.moves import FANS, Target, new_target, reasons, table

assert app.FOLLOWERS
CRM = "/api/v1/crm"
# Of each table that is read anew by each run: the path of its rows, and a field of them with another value.
READ_AGAIN: dict[str, tuple[str, str, Any]] = {
    "businesses": ("/api/v1/businesses", "legal_terms", "https://example.com/new"),
    "fields": (f"{CRM}/fields", "field_type", "integer"),
    "idols": ("/api/v1/idols", "description", "Another one"),
    "campaigns": (f"{CRM}/campaigns", "title", "Another one"),
    "performances": ("/api/v1/performances", "venue_name", "Another one"),
    "idol_events": ("/api/v1/idols/events", "venue_name", "Another one"),
    "fan_idols": ("/idols", "is_explicit", "another"),
    "identifiers": ("/identifiers", "creation_timestamp", 1_600_000_000),
    "ticket_events": (f"{CRM}/tickets/events", "notes", "Another one"),
    "points": (f"{CRM}/fan_points", "point_count", 77),
    "tags": (f"{CRM}/tags", "creation_timestamp", 1_600_000_000),
    "trackers": ("/api/v1/trackers", "target_url", "https://example.com/new"),
}
# Tables whose rows are written again, too.
WRITTEN_AGAIN = {
    "business_opt_ins": FANS, "tickets": f"{CRM}/tickets", "purchases": f"{CRM}/purchases",
    "registrations": f"{CRM}/registrations", "scans": f"{CRM}/registrations/scans",
}  # fmt: skip
PATHS = {**{name: path for name, (path, *_) in READ_AGAIN.items()}, **WRITTEN_AGAIN}


@pytest.fixture
async def there(base_url: str, db: Db) -> AsyncIterator[Api]:
    async with new_api(base_url, db) as api:
        await fill(api)
        yield api


@pytest.fixture
def source(base_url: str) -> Iterator[Meddler]:
    with meddling(base_url) as meddler:
        yield meddler


@pytest.fixture
async def target(there: Api, db: Db, source: Meddler) -> Target:
    return (await new_target(there, db, source.url))._replace(there=there)


async def move_whole(target: Target, source: Meddler) -> MoveReport:
    """Move the account into another one, at once, and return the report."""
    suffix, source.key_suffix = source.key_suffix, "-whole"
    other = (await new_target(target.there, target.db, target.url))._replace(there=target.there)
    report = await move_all(other)
    source.key_suffix = suffix
    return report


def is_of(path: str, called: str) -> bool:
    """Return whether a path is called for; `/idols` and `/identifiers` are those of any fan."""
    return called == path or (path.count("/") == 1 and called.startswith(f"{FANS}/") and called.endswith(path))


def without_last(called: str, rows: list[Row]) -> list[Row]:
    return rows[:-1] if any(is_of(path, called) for path in PATHS.values()) else rows


def with_changes(called: str, rows: list[Row]) -> list[Row]:
    for path, field, value in READ_AGAIN.values():
        if is_of(path, called):
            return [{**row, field: value} for row in rows]
    return rows


async def test_a_later_run_tells_what_was_deleted_there(target: Target, source: Meddler) -> None:
    """It stays here, and counts as different; of fans the source tells only how many there are."""
    first = figures(await move_all(target))
    source.change = without_last
    report = await move_all(target)
    for name in PATHS:
        count = reasons(report, name).get(UNSEEN, 0)
        rows_read, here, different = figures(report)[name]
        assert count > 0, name
        assert (rows_read, here) == first[name][:2], name
        assert different >= max(first[name][2], count), name
    source.change = lambda _, rows: rows
    assert figures(await move_all(target)) == first


async def test_a_later_run_tells_what_was_changed_there(target: Target, source: Meddler) -> None:
    first = figures(await move_all(target))
    source.change = with_changes
    for _ in range(2):
        report = await move_all(target)
        for name in READ_AGAIN:
            count = reasons(report, name).get(CHANGE_NOTE, 0)
            assert count > 0, name
            assert figures(report)[name][2] >= max(first[name][2], count), name
    source.change = lambda _, rows: rows
    assert figures(await move_all(target)) == first


async def test_a_registration_that_was_changed_there_is_changed_here(target: Target, source: Meddler) -> None:
    await move_all(target)
    account_id = target.here.account_id
    updates = "select count(*) from changes where account_id = $1 and topic = 'registration.updated'"
    await move_all(target)
    assert await target.db.value(updates, account_id) == 0
    source.change = lambda path, rows: (
        [{**row, "last_name": "Married"} for row in rows] if path == f"{CRM}/registrations" else rows
    )
    for _ in range(2):
        report = await move_all(target)
        assert table(report, "registrations").different == 0
        names = "select array_agg(distinct last_name) from registrations where account_id = $1"
        assert await target.db.value(names, account_id) == ["Married"]
        assert await target.db.value(updates, account_id) == table(report, "registrations").rows_read


async def test_a_move_that_ends_in_each_table_is_the_same_as_one_that_does_not(target: Target, source: Meddler) -> None:
    total = await move_whole(target, source)
    ended: set[str] = set()

    def progress(name: str, rows: int | None) -> None:
        if rows is not None and name not in ended:
            ended.add(name)
            raise InterruptedError

    while len(ended) < len(TABLES):
        with pytest.raises(InterruptedError):
            await move_all(target, progress=progress)
    report = await move_all(target, progress=progress)
    assert figures(report) == figures(total)
    assert all(rows_read > 0 for rows_read, *_ in figures(total).values()), figures(total)


# Fields that name a fan, of tables that have one.
FAN_FIELDS = {
    "activities": (f"{CRM}/activities", "fan_id"), "tickets": (f"{CRM}/tickets", "fan_id"),
    "registrations": (f"{CRM}/registrations", "fan_id"), "purchases": (f"{CRM}/purchases", "fan_id"),
    "points": (f"{CRM}/fan_points", "fan_id"), "tags": (f"{CRM}/tags", "fan_id"),
    "winners": (f"{CRM}/campaigns", "winner_fan_id"),
}  # fmt: skip


def fans_as(value: Callable[[Any], Any]) -> Callable[[str, list[Row]], list[Row]]:
    """Return what changes the fan of each row of these tables."""
    fields = dict(FAN_FIELDS.values())

    def change(called: str, rows: list[Row]) -> list[Row]:
        name = fields.get(called)
        return [{**row, name: value(row[name])} if name and row.get(name) else row for row in rows]

    return change


async def test_ids_of_fans_may_be_texts(target: Target, source: Meddler) -> None:
    total = figures(await move_whole(target, source))
    source.change = fans_as(str)
    assert figures(await move_all(target)) == total


@pytest.mark.parametrize("value", [True, "x", 1.5, [1], {"a": 1}, "-1", "9" * 30])
async def test_a_row_of_a_fan_who_is_none_is_left_out_alone(target: Target, source: Meddler, value: Any) -> None:
    """True is 1 to Python, and 1.5 becomes 1: neither is a fan."""
    source.change = fans_as(lambda _: value)
    report = await move_all(target)
    for name in FAN_FIELDS:
        rows_read, here, different = figures(report)[name]
        assert (here, different) == (0, rows_read), (name, reasons(report, name))
        assert rows_read > 0, name
        assert any("is not what the API documents" in each for each in reasons(report, name)), name
    assert table(report, "fans").different == 0


@pytest.mark.parametrize(
    ("path", "name"),
    [(f"{FANS}/latest", "max_fan_time_key"), (FANS, "search_uid"), (f"{CRM}/registrations/scans", "next_scan_key"),
     (f"{CRM}/activities", "max_activity_id"), (f"{CRM}/tickets", "max_ticket_id")],
)  # fmt: skip
async def test_a_page_that_leads_nowhere_ends_the_move(target: Target, source: Meddler, path: str, name: str) -> None:
    """It is no last page: the other rows would be missing, and the report would say that all are here."""
    source.change_meta = lambda called, meta: meta.pop(name, None) if called == path else None
    with pytest.raises(CannotRun, match="is not what the API documents"):
        await move_all(target)
    source.change_meta = lambda *_: None
    assert table(await move_all(target), "fans").different == 0


async def test_a_ticket_is_of_the_fan_whom_the_source_names(target: Target, source: Meddler) -> None:
    """The address of the fan may be another one now than that on the ticket."""
    source.change = lambda path, rows: (
        [{**row, "email": f"old{row['ticket_id']}@example.com"} for row in rows] if path == f"{CRM}/tickets" else rows
    )
    report = await move_all(target)
    assert table(report, "tickets").different == 0
    assert not [each for each in await target.fans() if each and each.startswith("old")]
    fans = "select count(distinct fan_id) from tickets where account_id = $1"
    counts = [await target.db.value(fans, each.account_id) for each in (target.here, target.there)]
    assert counts[0] == counts[1] > 0


async def test_a_purchase_that_the_source_links_is_announced_with_its_fan(target: Target, source: Meddler) -> None:
    """Whoever follows the change log, such as the audience index, reads of it there alone."""
    names = ("email", "phone", "customer_key")
    source.change = lambda path, rows: (
        [{**row, **dict.fromkeys(names)} for row in rows] if path == f"{CRM}/purchases" else rows
    )
    report = await move_all(target)
    sql = """
        select p.fan_id is not null as is_linked, exists (
            select from changes c
            where c.account_id = $1 and c.fan_id = p.fan_id and c.subject_id = p.network || ':' || p.purchase_key
              and c.topic = 'purchase.matched') as is_announced
        from purchases p where p.account_id = $1
    """
    rows = [tuple(row) for row in await target.db.rows(sql, target.here.account_id)]
    assert rows == [(True, True)] * table(report, "purchases").rows_read
    assert rows


async def test_what_a_source_has_for_a_link_sets_nothing_else(target: Target, source: Meddler) -> None:
    more = {"tracker_name": "Taken over", "utm_source": "mail", "target_url": "https://evil.example"}
    source.change = lambda path, rows: (
        [{**row, "tracker_name": "Mine", "target_url": "https://example.com/", "utm_params": more} for row in rows]
        if path == "/api/v1/trackers"
        else rows
    )
    await move_all(target)
    rows = await target.here.ok(await target.here.get("/api/v1/trackers"))
    assert {(row["tracker_name"], row["target_url"].partition("?")[0]) for row in rows} == {
        ("Mine", "https://example.com/")
    }


async def test_a_category_of_points_has_a_name_as_in_a_call(target: Target, source: Meddler) -> None:
    source.change = lambda path, rows: (
        [{**row, "point_name": "x" * 100_000} for row in rows] if path == f"{CRM}/fan_points" else rows
    )
    report = await move_all(target)
    assert table(report, "points").here == 0
    assert table(report, "points").different == table(report, "points").rows_read > 0
    longest = "select coalesce(max(length(point_name)), 0) from points where account_id = $1"
    assert await target.db.value(longest, target.here.account_id) < 1000


DATED = {
    "activities": (f"{CRM}/activities", ("creation_timestamp", "creation_date")),
    "tickets": (f"{CRM}/tickets", ("purchase_timestamp",)),
    "registrations": (f"{CRM}/registrations", ("registration_timestamp",)),
    "scans": (f"{CRM}/registrations/scans", ("scan_timestamp",)),
    "points": (f"{CRM}/fan_points", ("creation_timestamp",)),
}


@pytest.mark.parametrize("value", [None, 9_000_000_000, "soon"])
async def test_a_row_without_a_time_is_told_of(target: Target, source: Meddler, value: Any) -> None:
    fields = dict(DATED.values())
    source.change = lambda path, rows: [{**row, **dict.fromkeys(fields.get(path, ()), value)} for row in rows]
    report = await move_all(target)
    for name in DATED:
        rows_read, here, different = figures(report)[name]
        assert here == different == rows_read > 0, name
        assert any("has the time of the move here" in each for each in reasons(report, name)), name


async def test_a_campaign_whose_details_are_refused_is_told_of(target: Target, source: Meddler) -> None:
    rows = await target.there.ok(await target.there.get(f"{CRM}/campaigns"))
    source.refused = {f"/api/v1/campaigns/{row['page_tab_id']}": 403 for row in rows}
    report = await move_all(target)
    expected = {"the source did not give its details: props, times and members may be missing": len(rows)}
    assert expected.items() <= reasons(report, "campaigns").items()
    assert table(report, "campaigns").here == len(rows)


async def test_fans_who_became_one_there_are_told_of(target: Target) -> None:
    there = target.there
    one, other = [
        int((await there.ok(await there.post(FANS, email=f"{name}@merged.example")))["fan_id"])
        for name in ("one", "other")
    ]
    before = table(await move_all(target), "fans")
    assert before.different == 0
    await there.ok(await there.post(f"/api/v1/manage/fans/{one}/merge", merged_fan_id=other))
    fans = table(await move_all(target), "fans")
    assert (fans.there, fans.rows_read, fans.here) == (before.rows_read - 1, before.rows_read, before.rows_read)
    notes = {each.reason: each.row_count for each in fans.reasons}
    assert notes == {
        "is more than one fan here: others were merged into this one there since they were moved": 1,
        "is more than the source counts: fans were deleted or merged there": 1,
    }


async def test_a_list_that_ends_at_its_limit_may_have_more(target: Target, source: Meddler) -> None:
    def many(path: str, rows: list[Row]) -> list[Row]:
        if path != "/api/v1/trackers":
            return rows
        return [{**rows[0], "tracker_id": 10**6 + n, "tracker_key": f"many{n}{source.key_suffix}"} for n in range(500)]

    assert table(await move_all(target), "trackers").limit is None
    source.change = many
    assert table(await move_all(target), "trackers").limit == 500


async def test_an_address_of_before_a_merge_there_leads_to_the_fan_here(target: Target) -> None:
    there, here = target.there, target.here
    one, other = [
        int((await there.ok(await there.post(FANS, email=f"{name}@before.example")))["fan_id"])
        for name in ("one", "other")
    ]
    await there.ok(await there.post(f"/api/v1/manage/fans/{one}/merge", merged_fan_id=other))
    await here.ok(await here.post(FANS, email="taken@before.example"))
    await there.ok(await there.post(FANS, email="taken@before.example"))
    for _ in range(2):
        report = await move_all(target)
        assert (table(report, "identifiers").different, reasons(report, "identifiers")) == (0, {})
    fan_id = (await target.fans())["one@before.example"]["fan_id"]
    assert (await here.ok(await here.post(FANS, email="Other@before.example")))["fan_id"] == fan_id


async def test_an_old_address_of_an_erased_person_stays_away(target: Target) -> None:
    there, here = target.there, target.here
    one, other = [
        int((await there.ok(await there.post(FANS, email=f"{name}@erased.example")))["fan_id"])
        for name in ("one", "other")
    ]
    await there.ok(await there.post(f"/api/v1/manage/fans/{one}/merge", merged_fan_id=other))
    fan_id = (await here.ok(await here.post(FANS, email="other@erased.example")))["fan_id"]
    await here.ok(await here.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    report = await move_all(target)
    assert reasons(report, "identifiers") == {"is of a person who was erased here": 1}
    sql = "select count(*) from fan_identifiers where account_id = $1 and identifier_value = 'other@erased.example'"
    assert await target.db.value(sql, here.account_id) == 0
