"""Activities, with the values recorded with them."""

from collections.abc import Sequence

from fanfare.campaigns.actions.activities import Entry, record_entry
from fanfare.kernel.data.db import UNSTORABLE, Db
from fanfare.kernel.errors import Refusal, Unavailable
from fanfare.moving.actions.rows import dated
from fanfare.moving.actions.state import Move, Table, fan_ids, id_there, own_ids
from fanfare.moving.schemas import Outcome, Page, Row

ROWS = 200


async def read_activities(move: Move, cursor: str | None) -> Page:
    """Return the next activities, the oldest first."""
    answer = await move.source.get("/api/v1/crm/activities", min_activity_id=cursor or 0, limit=ROWS)
    rows = answer["data"]
    highest = str(answer["meta"]["max_activity_id"]) if rows else cursor
    return Page(rows, highest if rows else None, highest)


async def write_activities(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Record activities at their times."""
    fans = await fan_ids(move, db, [row["fan_id"] for row in rows])
    campaigns = await own_ids(move, db, "campaigns", [row.get("page_tab_id") for row in rows])
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["activity_id"]))
        outcomes.append(outcome)
        fan_id, page_tab_id = fans.get(id_there(row["fan_id"])), campaigns.get(str(row.get("page_tab_id")))
        if fan_id is None:
            outcome.note("the fan is not here")
            continue
        if row.get("page_tab_id") and page_tab_id is None:
            outcome.note("its campaign is not here")
        await _record(move, db, row, (fan_id, page_tab_id), outcome)
    return outcomes


async def _record(move: Move, db: Db, row: Row, ids: tuple[int, str | None], outcome: Outcome) -> None:
    """Record an activity of a fan, in a campaign or none."""
    entry = Entry(
        fan_id=ids[0],
        page_tab_id=None if ids[1] is None else int(ids[1]),
        campaign_title=row.get("campaign_title") if ids[1] is None else None,
        ip_address=row.get("ip_address"),
        user_key=row.get("user_key"),
        props=row.get("details") or {},
    )
    try:
        async with db.transaction() as tx:
            entered_at = dated(outcome, move.now(), row.get("creation_timestamp"), row.get("creation_date"))
            outcome.own_id = str((await record_entry(tx, move.account.id, entry, entered_at)).activity_id)
    except Unavailable:
        raise
    except Refusal as refusal:
        outcome.note(refusal.detail)
    except UNSTORABLE:
        outcome.note("cannot be stored")


ACTIVITIES = Table(
    name="activities",
    key=lambda row: str(row["activity_id"]),
    read=read_activities,
    write=write_activities,
    here="select activity_id::text from activities where account_id = $1",
    fields=frozenset(
        {
            "activity_id", "fan_id", "page_tab_id", "campaign_title", "ip_address", "user_key", "details",
            "creation_timestamp", "creation_date",
        }
    ),
    left_out={
        "account_id": "is repeated",
        **dict.fromkeys(("app_type", "stream_key"), "is in campaigns"),
        **dict.fromkeys(
            ("opted_in_business_ids", "is_subscribed", "is_phone_subscribed", "name", "fan", "networks", "idol_names"),
            "is in fans",
        ),
    },
    continues=True,
    fan_fields=("fan_id",),
)  # fmt: skip
