"""Announcements: what a write says of itself in the change log, under a topic of a closed list.

Each domain lists its topics in its `topics.py`; `app.topics` gives all of them and docs/topics.md shows them. The
statement that writes also announces, by a text that is made once, when its module is loaded:

    CREATE = f\"\"\"
        with {HOLD},
        made as (
            insert into things (account_id, thing_id, …) select $1, nextval('positions'), … from hold
            returning thing_id
        )
        {announce(THING_CREATED, "made", subject="thing_id", position="thing_id", at="$2")}
    \"\"\"

What takes a position must read `hold`, or come in a later statement of the same transaction: `changes.py` says why.
"""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Literal

import msgspec

from fanfare.kernel.data.db import Db

INSERT = "insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)\n"
# The CTE that publishes a lower bound of the positions that the statement takes; $1 is the account.
HOLD = "hold as materialized (select hold_position($1) as held)"


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An announcement without data."""


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the fields that changed."""

    fields: list[str]


class SomeFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the fields that changed; without them any may have."""

    fields: list[str] | msgspec.UnsetType = msgspec.UNSET


class Topic(msgspec.Struct, frozen=True):
    """One kind of announcement.

    `name` is noun.verb, `meaning` one sentence on what happened. `subject` is the column (or columns, with what joins
    them) whose value is the subject's id, empty for what has none. `fan` says whether an announcement names a fan.
    `data` names changed fields and ids and holds nothing personal.
    """

    name: str
    meaning: str
    subject: str
    fan: Literal["never", "sometimes", "always"] = "never"
    data: type[msgspec.Struct] = Nothing


class WrongAnnouncement(Exception):  # noqa: N818 - what it is
    """A text that announces differs from its topic."""


async def hold(db: Db, account_id: int) -> None:
    """Publish the lower bound for a whole transaction, whose later statements take positions without `HOLD`."""
    await db.execute("select hold_position($1)", account_id)


def announce(
    topic: Topic,
    source: str,
    *,
    at: str,
    subject: str | None = None,
    fan: str | None = None,
    position: str | None = None,
    **data: str,
) -> str:
    """Return the `insert` that announces each row of `source`, which is what follows `from`.

    The subject, the fan (`fan_id`) and the data are columns of the source, by the names in the list of topics; another
    value is given as SQL, and so is the moment. `position` is a position taken before; without one each row takes its
    own, beside `hold`.
    """
    values = ", ".join(f"'{name}', {value}" for name, value in _values(topic, data).items())
    if topic.fan == "never" and fan:
        message = f"{topic.name} names no fan"
        raise WrongAnnouncement(message)
    fan = "null" if topic.fan == "never" else fan or "fan_id"
    subject = subject or topic.subject or "''"
    place, origin = (position, source) if position else ("nextval('positions')", f"hold cross join {source}")
    return (
        f"{INSERT}select $1::bigint, {place}, '{topic.name}', ({subject})::text, {fan}::bigint,"
        f" {at}::timestamptz, jsonb_build_object({values})\nfrom {origin}"
    )


def also(topic: Topic, source: str, **columns: str) -> str:
    """Return what follows `announce` in a statement that announces more; it takes what `announce` takes."""
    return f"union all\n{announce(topic, source, **columns).removeprefix(INSERT)}"


def _values(topic: Topic, values: Mapping[str, str]) -> dict[str, str]:
    """Return the SQL of each field of the data; one that may be missing is there when it is given."""
    fields = msgspec.structs.fields(topic.data)
    if strays := values.keys() - {field.name for field in fields}:
        message = f"{topic.name} has no {', '.join(sorted(strays))}"
        raise WrongAnnouncement(message)
    return {
        field.name: values.get(field.name, field.name) for field in fields if field.required or field.name in values
    }


def topics_of(*modules: ModuleType) -> list[Topic]:
    """Return the topics that modules list, in their order."""
    return [value for module in modules for value in vars(module).values() if isinstance(value, Topic)]


def names(topics: Iterable[Topic]) -> frozenset[str]:
    """Return the names of topics, as the change log has them."""
    return frozenset(topic.name for topic in topics)
