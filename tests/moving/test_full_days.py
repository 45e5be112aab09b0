"""Days with more rows than a call gives: read on by cursors of a Fanfare, else by what the reference documents."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import msgspec
import pytest

from fanfare import app
from fanfare.kernel.data.db import Db
from fanfare.moving.actions.tables import full_days, gates, points
from tests.api import Api
from tests.moving.moves import FANS, Target, new_target, relay, table
from tests.servers import Reply, Request, http_server

assert app.FOLLOWERS
MANAGE = "/api/v1/manage"
COUNT = 12
LIMIT = 5
LISTS = (full_days.TAGS_PATH, full_days.POINTS_PATH, full_days.REGISTRATIONS_PATH)


class Plain:
    """A source whose lists have at most LIMIT rows, but for leaderboards, with cursors or none.

    `refused` are paths and names of parameters that it refuses.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.url = ""
        self.refused: set[tuple[str, str]] = set()
        self.has_cursors = False
        self.has_times = True

    def respond(self, request: Request) -> Reply:
        if request.path not in LISTS:
            return Reply(msgspec.json.encode(relay(self.base_url, request)))
        query = dict(parse_qsl(request.query))
        is_moment = "T" in query.get("start_date", "")
        if (is_moment and not self.has_times) or any((request.path, name) in self.refused for name in query):
            return Reply(b'{"detail": "no such parameter"}', 422)
        query["limit"] = "1000" if "leaderboard" in query else str(LIMIT)
        headers = {name: request.headers[name] for name in ("api-key", "api-secret")}
        url = f"{self.base_url}{request.path}?{urlencode(query)}"
        with urlopen(UrlRequest(url, headers=headers)) as answer:  # noqa: S310 - the module's server
            body, cursor = msgspec.json.decode(answer.read()), answer.headers["X-Next-Cursor"]
        if not self.has_cursors and isinstance(body, dict):
            body["meta"].pop("next_cursor")
        return Reply(
            msgspec.json.encode(body), headers={"X-Next-Cursor": cursor} if self.has_cursors and cursor else {}
        )


@pytest.fixture
def plain(base_url: str) -> Iterator[Plain]:
    result = Plain(base_url)
    with http_server(result.respond) as result.url:
        yield result


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that give few rows, as if there were thousands."""
    for module in (full_days, points):
        monkeypatch.setattr(module, "ROWS", LIMIT)
    for module in (full_days, gates):
        monkeypatch.setattr(module, "REGISTRATIONS_LIMIT", LIMIT)


async def fill(api: Api, db: Db) -> None:
    """Give fans tags, points and registrations on one day, two days ago."""
    point_uid = (await api.ok(await api.post(f"{MANAGE}/points", point_name="Visits")))["point_uid"]
    ids = []
    for number in range(COUNT):
        fan_id = (await api.ok(await api.post(FANS, email=f"fan{number}@example.com")))["fan_id"]
        ids.append(fan_id)
        await api.ok(await api.post(full_days.POINTS_PATH, fan_id=fan_id, point_uid=point_uid, point_count=1))
        fields: dict[str, Any] = {
            "registration_key": f"R-{number}", "network": "gate", "first_name": "Ada", "last_name": "Okoro",
            "email": f"fan{number}@example.com", "event_name": "Festival", "event_date": "2026-06-01",
            "registration_timestamp": "2026-06-01 10:00:00",
        }  # fmt: skip
        await api.ok(await api.post(full_days.REGISTRATIONS_PATH, **fields))
    await api.ok(await api.post(f"{MANAGE}/tags/fans", tag_name="VIP", fan_ids=ids))
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
    for name, column in (("fan_tags", "created_at"), ("fan_points", "created_at"), ("registrations", "registered_at")):
        await db.execute(
            f"""
            update {name} set {column} = $2::timestamptz + n.place * interval '90 seconds'
            from (select ctid, row_number() over (order by fan_id) as place from {name} where account_id = $1) n
            where account_id = $1 and {name}.ctid = n.ctid
            """,
            api.account_id,
            noon,
        )


def counts(report: Any) -> dict[str, tuple[int, int, int]]:
    """Return rows read, rows here, and the number of incomplete days of each list."""
    tables = (table(report, name) for name in ("tags", "points", "registrations"))
    return {each.table: (each.rows_read, each.here, len(each.incomplete_days)) for each in tables}


async def moved(api: Api, db: Db, url: str) -> tuple[Target, Any]:
    target = await new_target(api, db, url)
    await fill(target.there, db)
    return target, await target.move()


@pytest.mark.usefixtures("small")
async def test_a_fanfare_gives_all_by_its_cursors(api: Api, db: Db, plain: Plain) -> None:
    plain.has_cursors = True
    # Nothing else is needed.
    plain.refused = {(full_days.POINTS_PATH, "fan_id")}
    plain.has_times = False
    _, report = await moved(api, db, plain.url)
    assert counts(report) == dict.fromkeys(("tags", "points", "registrations"), (COUNT, COUNT, 0))


@pytest.mark.usefixtures("small")
async def test_the_documented_calls_give_a_full_day_in_parts(api: Api, db: Db, plain: Plain) -> None:
    target, report = await moved(api, db, plain.url)
    # No call tells which other registrations there are.
    assert counts(report) == {
        "tags": (COUNT, COUNT, 0),
        "points": (COUNT, COUNT, 0),
        "registrations": (LIMIT, LIMIT, 1),
    }
    day = datetime.now(UTC).date() - timedelta(days=2)
    assert table(report, "registrations").incomplete_days == [day]
    # A later run of which the source gives more is complete.
    await db.execute("delete from registrations where account_id = $1", target.there.account_id)
    report = await target.move()
    assert table(report, "registrations").incomplete_days == []


@pytest.mark.usefixtures("small")
async def test_a_source_that_refuses_more_leaves_its_days_incomplete(api: Api, db: Db, plain: Plain) -> None:
    plain.refused = {(full_days.POINTS_PATH, "leaderboard")}
    plain.has_times = False
    _, report = await moved(api, db, plain.url)
    assert counts(report) == dict.fromkeys(("tags", "points", "registrations"), (LIMIT, LIMIT, 1))
    # What comes behind in the order of tables is there.
    assert {each.table for each in report.tables} >= {"trackers", "winners"}
