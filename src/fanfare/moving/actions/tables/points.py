"""Awards of points with their categories, and tags."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from fanfare.fans.actions.tags import change_tag
from fanfare.fans.schemas.attributes import NewTag, TagChange
from fanfare.kernel.data.db import UNSTORABLE, Db
from fanfare.kernel.errors import BadParameters, Refusal, Unavailable
from fanfare.moving.actions.rows import dated, earlier, picked, saved
from fanfare.moving.actions.state import Move, Table, fan_ids, id_there, own_ids
from fanfare.moving.actions.tables.full_days import POINTS_PATH, ROWS, TAGS_PATH, points_of_day, tag_key, tags_of_day
from fanfare.moving.actions.windows import Windows, read_days
from fanfare.moving.gateways import Answer
from fanfare.moving.schemas import Outcome, Page, Row, params_of
from fanfare.points.actions.awards import award_points
from fanfare.points.actions.categories import PointNameTaken, create_point
from fanfare.points.schemas.points import NewAward, NewPoint


async def read_points(move: Move, cursor: str | None) -> Page:
    """Return the awards of the next days."""

    async def read(move: Move, first: date, last: date, place: str | None) -> Answer:
        return await move.source.rows(POINTS_PATH, start_date=first, end_date=last, limit=ROWS, cursor=place)

    return await read_days(move, cursor, Windows(ROWS, read, points_of_day))


async def write_points(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Award points at their times, in categories of the same name."""
    categories = await _categories(move, db, rows)
    fans = await fan_ids(move, db, [row["fan_id"] for row in rows])
    references = {
        name: await own_ids(move, db, table, [row.get(name) for row in rows])
        for name, table in (
            ("page_tab_id", "campaigns"), ("activity_id", "activities"), ("performance_uid", "performances"),
        )
    }  # fmt: skip
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["fan_point_uid"]))
        outcomes.append(outcome)
        fan_id = fans.get(id_there(row["fan_id"]))
        if fan_id is None:
            outcome.note("the fan is not here")
            continue

        awarded_at = dated(outcome, move.now(), row.get("creation_timestamp"))

        async def award(tx: Db, new: NewAward, row: Row = row, awarded_at: datetime = awarded_at) -> uuid.UUID:
            return await award_points(tx, move.account.id, new, awarded_at, address=row.get("ip_address"))

        fields = picked(row, "point_count", "point_type", "point_source", "award_signature", "props")
        fields |= {"fan_id": fan_id, "point_uid": categories.get(_category(row))}
        fields |= {name: ids.get(str(row.get(name))) for name, ids in references.items()}
        fields["award_key"] = f"moved-{row['fan_point_uid']}"
        await saved(db, NewAward, fields, outcome, award)
        if row.get("reward_uid"):
            outcome.note("names no reward here: rewards are not moved")
    return outcomes


def _category(row: Row) -> str:
    return str(row.get("point_name") or row.get("point_uid"))


async def _categories(move: Move, db: Db, rows: Sequence[Row]) -> dict[str, str]:
    """Return the categories of some awards by name; new ones are created."""
    result = {}
    for name in {_category(row) for row in rows}:
        try:
            async with db.transaction() as tx:
                new = params_of(NewPoint, {"point_name": name})
                result[name] = str(await create_point(tx, move.account.id, new, move.now()))
        except BadParameters:
            # Its awards are refused.
            continue
        except PointNameTaken:
            sql = "select point_uid from points where account_id = $1 and fold_text(point_name) = fold_text($2)"
            result[name] = str(await db.value(sql, move.account.id, name))
    return result


async def read_tags(move: Move, cursor: str | None) -> Page:
    """Return the tags that fans got in the next days."""

    async def read(move: Move, first: date, last: date, place: str | None) -> Answer:
        end = last + timedelta(days=1)
        return await move.source.rows(TAGS_PATH, start_date=first, end_date=end, cursor=place)

    return await read_days(move, cursor, Windows(ROWS, read, tags_of_day))


async def write_tags(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Add tags to fans."""
    fans = await fan_ids(move, db, [row["fan_id"] for row in rows])
    outcomes = {tag_key(row): Outcome(tag_key(row)) for row in rows}
    names: dict[str, dict[int, list[Row]]] = {}
    for row in rows:
        fan_id = fans.get(id_there(row["fan_id"]))
        if fan_id is None:
            outcomes[tag_key(row)].note("the fan is not here")
        else:
            names.setdefault(str(row["tag_name"]), {}).setdefault(fan_id, []).append(row)
    for tag_name, by_fan in names.items():
        tag_id, refusals = await _add_tag(move, db, tag_name, by_fan)
        for fan_id, tagged in by_fan.items():
            for outcome in (outcomes[tag_key(row)] for row in tagged):
                if refusal := refusals.get(fan_id):
                    outcome.note(refusal)
                else:
                    outcome.own_id = f"{tag_id}:{fan_id}"
    return list(outcomes.values())


async def _add_tag(
    move: Move, db: Db, tag_name: str, by_fan: dict[int, list[Row]]
) -> tuple[int | None, dict[int, str]]:
    """Add a tag to fans; return its id, and why those did not get it who did not."""
    try:
        async with db.transaction() as tx:
            checked = params_of(NewTag, {"tag_name": tag_name})
            result = await change_tag(tx, move.account.id, TagChange(checked.tag_name, None, list(by_fan)), move.now())
            if result.tag_id is not None:
                await _date_tags(move, tx, result.tag_id, by_fan)
    except Unavailable:
        raise
    except Refusal as refusal:
        return None, dict.fromkeys(by_fan, refusal.detail)
    except UNSTORABLE:
        return None, dict.fromkeys(by_fan, "cannot be stored")
    has_tag = {row.fan_id for row in result.rows if row.status in ("added", "unchanged")}
    return result.tag_id, dict.fromkeys(by_fan.keys() - has_tag, "the fan was not here any more")


async def _date_tags(move: Move, db: Db, tag_id: int, by_fan: dict[int, list[Row]]) -> None:
    await db.execute(
        """
        update fan_tags t set created_at = least(t.created_at, g.created_at)
        from unnest($3::bigint[], $4::timestamptz[]) as g (fan_id, created_at)
        where t.account_id = $1 and t.tag_id = $2 and t.fan_id = g.fan_id
        """,
        move.account.id,
        tag_id,
        list(by_fan),
        [min(earlier(move.now(), row.get("creation_timestamp")) for row in tagged) for tagged in by_fan.values()],
    )


POINTS = Table(
    name="points",
    key=lambda row: str(row["fan_point_uid"]),
    read=read_points,
    write=write_points,
    here="select fan_point_uid::text from fan_points where account_id = $1",
    fields=frozenset(
        {
            "fan_point_uid", "fan_id", "point_uid", "point_name", "point_count", "point_type", "point_source",
            "award_signature", "props", "page_tab_id", "activity_id", "performance_uid", "creation_timestamp",
            "ip_address", "reward_uid",
        }
    ),
    left_out={
        "account_id": "is repeated",
        "session_uid": "names a login that ended",
        "display_name": "is in fans",
        "rank": "is computed here",
    },
    fan_fields=("fan_id",),
)  # fmt: skip
TAGS = Table(
    name="tags",
    key=tag_key,
    read=read_tags,
    write=write_tags,
    here="""
        select t.tag_id || ':' || t.fan_id from fan_tags t where t.account_id = $1
        union all
        select t.tag_id || ':' || m.absorbed_id
        from fan_merges m join fan_tags t on t.account_id = $1 and t.fan_id = m.fan_id
        where m.account_id = $1 and m.undone_at is null
    """,
    fields=frozenset({"tag_id", "tag_name", "fan_id", "creation_timestamp"}),
    left_out=dict.fromkeys(("first_name", "last_name", "email"), "is in fans"),
    fan_fields=("fan_id",),
)
