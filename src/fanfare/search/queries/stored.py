"""Criteria as they are stored: by filters, and read again with those of the filters that they refer to."""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import filter_uids


def to_stored(criteria: Criteria) -> dict[str, object]:
    """Return the criteria that were given, as they are stored."""
    defaults = msgspec.to_builtins(Criteria())
    values = {name: getattr(criteria, name) for name in Criteria.__struct_fields__}
    return {name: value for name, value in msgspec.to_builtins(values).items() if value != defaults[name]}


class UnreadableCriteria(BadParameters):
    """The stored criteria cannot be read"""

    def __init__(self) -> None:
        """Name what is wrong by what a filter calls it."""
        super().__init__([("criteria", "cannot be read as they are stored")])


def criteria_in(raw: object) -> Criteria:
    """Return criteria from the form in which they are stored; refuse (422) what is not in that form."""
    try:
        return msgspec.convert(raw, Criteria)
    except msgspec.ValidationError:
        raise UnreadableCriteria from None


SEGMENT_QUERIES = {
    "tag": "select 'tag:' || tag_id as segment from tags where account_id = $1 and tag_id = any($2::text[]::bigint[])",
    "snapshot": """
        select 'snapshot:' || snapshot_uid as segment from snapshots
        where account_id = $1 and snapshot_uid = any($2::text[]::uuid[])
    """,
    "filter": """
        select 'filter:' || filter_uid as segment from filters
        where account_id = $1 and filter_uid = any($2::text[]::uuid[])
    """,
}


async def known_segments(db: Db, account_id: int, segments: Iterable[str]) -> set[str]:
    """Return those of some segments, each as kind:id, that the account has."""
    by_kind: dict[str, set[str]] = {}
    for each in segments:
        kind, _, key = each.partition(":")
        by_kind.setdefault(kind, set()).add(key)
    rows = [
        row for kind, keys in by_kind.items() for row in await db.rows(SEGMENT_QUERIES[kind], account_id, sorted(keys))
    ]
    return {row["segment"] for row in rows}


async def reachable(
    db: Db, account_id: int, searches: Sequence[Criteria], limit: int | None = None
) -> dict[str, Criteria | None]:
    """Return the criteria of the filters that some criteria refer to, and that those refer to in turn, by their uid.

    Those that cannot be read are None. Beyond `most` filters it looks no further.
    """
    result: dict[str, Criteria | None] = {}
    missing = set(filter_uids(searches))
    while missing and (limit is None or len(result) <= limit):
        rows = await db.rows(
            "select filter_uid, criteria from filters where account_id = $1 and filter_uid = any($2)",
            account_id,
            [uuid.UUID(each) for each in sorted(missing)],
        )
        batch: dict[str, Criteria | None] = {}
        for row in rows:
            with suppress(UnreadableCriteria):
                batch[str(row["filter_uid"])] = None
                batch[str(row["filter_uid"])] = criteria_in(row["criteria"])
        result |= batch
        missing = set(filter_uids(each for each in batch.values() if each is not None)) - result.keys()
    return result
