"""Coordinates, pictures and confirmations of the fans of an import: those of many fans are filled by one statement.

The rule is that of a change of a single fan: what is not empty stays, and only the fan's own address and number can
become confirmed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fanfare.fans.actions.fans import ADDRESS, CONFIRMATIONS, PLAIN, only_empty
from fanfare.fans.schemas.fans import FanChanges
from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.kernel.data.updates import sent_fields

# What is filled here; the contact data says which fan it is about.
DETAILS = ("latitude", "longitude", "image_url", *CONFIRMATIONS)
READ = (*PLAIN, *ADDRESS, *CONFIRMATIONS, "display_name", "email", "phone")
LOCK = f"""
    with {HOLD}
    select f.*
    from hold cross join (select distinct fan_id from unnest($2::bigint[]) as u (fan_id) order by fan_id) as d
    cross join lateral (
        select fan_id, created_at, {", ".join(READ)} from fans
        where account_id = $1 and fan_id = d.fan_id for no key update) f
"""  # noqa: S608 - fixed parts
ROWS = Arrays(
    "row",
    {
        "fan_id": "bigint", "latitude": "double precision", "longitude": "double precision", "image_url": "text",
        **dict.fromkeys(CONFIRMATIONS, "boolean"), "fields": "text",
    },
)  # fmt: skip
FILL = Sql(f"""
    with updated as (
        update fans f
        set {", ".join(f"{name} = g.{name}" for name in DETAILS)}, position = nextval('positions'),
            updated_at = greatest(:now, f.updated_at + interval '1 millisecond')
        from {ROWS.unnest("g")}
        where f.account_id = $1 and f.fan_id = g.fan_id
        returning f.fan_id, f.position, f.updated_at, g.fields
    ),
    announced as (
        {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="string_to_array(fields, ',')")}
    )
    select position from updated
""")  # noqa: S608 - fixed parts


async def fill_details(
    db: Db, account_id: int, details: Sequence[tuple[int | None, FanChanges | None]], now: datetime
) -> list[int]:
    """Fill the empty details of fans as if one row came after the other; return the positions of these changes.

    `details` are fans, if there is one, and what their rows have, if anything. Part of the caller's transaction.
    """
    changes = [(fan_id, request) for fan_id, request in details if fan_id is not None and request is not None]
    if not changes:
        return []
    rows = await db.rows(LOCK, account_id, [fan_id for fan_id, _ in changes])
    fans: dict[int, dict[str, Any]] = {row["fan_id"]: dict(row) for row in rows}
    fields: dict[int, set[str]] = {}
    for fan_id, request in changes:
        if (fan := fans.get(fan_id)) is not None and (values := _new_values(request, fan, now)):
            fan.update(values)
            fields.setdefault(fan_id, set()).update(values)
    if not fields:
        return []
    changed_rows = [{**fans[fan_id], "fields": ",".join(sorted(names))} for fan_id, names in fields.items()]
    written = await db.rows(FILL, account_id, **ROWS.arguments(changed_rows), now=now)
    return [row["position"] for row in written]


def _new_values(request: FanChanges, fan: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what a row changes of a fan as it is behind the rows before."""
    values = sent_fields(only_empty(request, fan, now))
    return {name: values[name] for name in (*PLAIN, *CONFIRMATIONS) if name in values and values[name] != fan[name]}
