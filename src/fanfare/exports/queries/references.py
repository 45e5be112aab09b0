"""Reads which schedules of exports name a record in their search."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from fanfare.exports.schemas.schedules import fan_search
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Reference
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.folding import fold
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import reference_forms

FORMS = reference_forms(Criteria)


async def schedules_naming(db: Db, account_id: int, items: Sequence[Reference]) -> list[str]:
    """Return the names, or else the uids, of the schedules whose search names one of some records."""
    places = {(name, fold(form.format(each.key))) for each in items for name, form in FORMS[each.kind].items()}
    rows = await db.rows(
        """
        select schedule_uid, schedule_name, search from export_schedules
        where account_id = $1 and search is not null order by schedule_id
        """,
        account_id,
    )
    return [
        str(row["schedule_name"] or row["schedule_uid"]) for row in rows if not places.isdisjoint(_names(row["search"]))
    ]


def _names(search: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each parameter of a stored search with each of its values; nothing of a search that cannot be read."""
    try:
        criteria = msgspec.to_builtins(fan_search(search))
    except BadParameters:
        return
    yield from _texts(criteria)


def _texts(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, inner in value.items():
            texts = inner if isinstance(inner, list) else [inner]
            yield from ((name, fold(text)) for text in texts if isinstance(text, str))
            yield from _texts(inner)
