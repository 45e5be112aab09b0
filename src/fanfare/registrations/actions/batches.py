"""Writes registrations of an import, a batch of rows at a time, with the result of one row after the other."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from fanfare.campaigns.actions.quests import progress
from fanfare.fans.actions.people import Person
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.registrations.actions.quests import (
    HAS_SCAN_QUESTS,
    REGISTRATION_QUESTS,
    follow_registrations,
    lock_registrations,
)
from fanfare.registrations.actions.registrations import (
    ASSIGNMENTS,
    CHANNELS,
    COLUMNS,
    SUBJECT,
    record_of,
    without_consents,
)
from fanfare.registrations.schemas.registrations import NewRegistration
from fanfare.registrations.topics import REGISTRATION_CREATED, REGISTRATION_UPDATED


class Line(NamedTuple):
    """A registration and its holder."""

    new: NewRegistration
    profile: Person

    @property
    def key(self) -> tuple[str, str]:
        """What there is one registration of."""
        return self.new.network, self.new.registration_key

    @property
    def has_consents(self) -> bool:
        """Whether the holder says anything about messages."""
        return any(getattr(self.profile, name) is not None for name in CHANNELS)


LINES = Arrays(
    "line",
    {
        "place": "integer",
        **dict.fromkeys(
            (
                "network", "registration_key", "event_name", "event_key", "venue_name", "order_key", "ticket_key",
                "barcode", "lookup_id", "first_name", "last_name", "email", "mail_key", "phone", "address", "city",
                "province", "country_code", "postal_code",
            ),
            "text",
        ),
        **dict.fromkeys(("fan_id", "activity_id"), "bigint"),
        **dict.fromkeys(("event_date", "birth_date"), "date"),
        **dict.fromkeys(("is_minor", "is_preferred", "is_subscribed", "is_phone_subscribed"), "boolean"),
        "registered_at": "timestamptz",
    },
)  # fmt: skip
# In the order of keys, so that two files with the same registrations in another order do not wait for each other.
SAVE = Sql(f"""
    with {HOLD},
    lines as materialized (
        select nextval('positions') as registration_id, g.*
        from hold cross join (select * from {LINES.unnest("u")} order by place) as g
    ),
    saved as (
        insert into registrations as r (account_id, registration_id, created_at, updated_at, is_preferred, {COLUMNS})
        select $1, registration_id, :now, :now, coalesce(is_preferred, false), {COLUMNS}
        from lines order by network, registration_key
        on conflict (account_id, network, registration_key) do update
        set is_preferred = case
                when excluded.registration_id = any(
                    (select array_agg(registration_id) from lines where is_preferred is null)::bigint[])
                then r.is_preferred else excluded.is_preferred end,
            {ASSIGNMENTS}
        returning network, registration_key, registration_id, fan_id, event_date, event_key, event_name, registered_at
    ),
    results as (
        select s.*, l.place, s.registration_id = l.registration_id as is_new
        from saved s join lines l on l.network = s.network and l.registration_key = s.registration_key
    ),
    {progress("registration", "saved", REGISTRATION_QUESTS, moment="c.registered_at", is_due="false")},
    announced as (
    {announce(REGISTRATION_CREATED, "results where is_new", subject=SUBJECT, position="registration_id", at=":now")}
    {also(REGISTRATION_UPDATED, "results where not is_new", subject=SUBJECT, at=":now")}
    )
    select place, case when is_new then registration_id end as new_id,
           fan_id in (select fan_id from progress) as has_progress, {HAS_SCAN_QUESTS} as has_scan_quests
    from results
""")  # noqa: S608 - fixed parts


async def write_registrations(
    db: Db, account: Account, lines: Sequence[tuple[Line, int]], now: datetime
) -> list[int | None]:
    """Insert or update registrations of fans whom the caller's transaction holds; return the id of each that is new."""
    codes = [(each.new.network, code) for each, _ in lines for code in (each.new.registration_key, each.new.barcode)]
    await lock_registrations(db, account.id, codes)
    new_ids: list[int | None] = [None] * len(lines)
    for places in _rounds([line for line, _ in lines]):
        records = [{**record_of(*lines[place][0], lines[place][1]), "place": place} for place in places]
        rows = await db.rows(SAVE, account.id, **LINES.arguments(records), now=now)
        for row in rows:
            new_ids[row["place"]] = row["new_id"]
        keys = [lines[row["place"]][0].key for row in rows if row["has_scan_quests"]]
        fan_ids = {lines[row["place"]][1] for row in rows if row["has_progress"]}
        await follow_registrations(db, account, keys, fan_ids, now)
    return new_ids


def _rounds(lines: Sequence[Line]) -> Iterator[list[int]]:
    """Yield the places of lines, of which no two in a round have the same key, in their order."""
    rounds: list[list[int]] = []
    counts: dict[tuple[str, str], int] = {}
    for place, line in enumerate(lines):
        number = counts[line.key] = counts.get(line.key, -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(place)
    yield from rounds


def parts(lines: Sequence[Line]) -> Iterator[tuple[list[int], set[int]]]:
    """Yield the places of lines in parts, and which of these only repeat what the line before with their key said.

    What the consents of a line repeat is read from the registration with its key. So a line with consents, but for one
    that is repeated, begins a part if there is another one of its key in the part before it.
    """
    part: list[int] = []
    repeats: set[int] = set()
    latest: dict[tuple[str, str], Line] = {}
    for place, line in enumerate(lines):
        if line.has_consents and line.key in latest:
            if latest[line.key] == line:
                repeats.add(place)
            else:
                yield part, repeats
                part, repeats, latest = [], set(), {}
        part.append(place)
        latest[line.key] = line
    yield part, repeats


REPEATS = Arrays(
    "repeat",
    {
        "place": "integer", "network": "text", "registration_key": "text", "mail_key": "text",
        "registered_at": "timestamptz",
    },
)  # fmt: skip
REPETITIONS = Sql(f"""
    select g.place, r.is_subscribed, r.is_phone_subscribed
    from {REPEATS.unnest("g")}
    cross join lateral (
        select mail_key, registered_at, is_subscribed, is_phone_subscribed from registrations
        where account_id = $1 and network = g.network and registration_key = g.registration_key limit 1) r
    where r.mail_key = g.mail_key and r.registered_at = g.registered_at
""")  # noqa: S608 - fixed parts


async def new_profiles(db: Db, account_id: int, lines: Mapping[int, Line]) -> dict[int, Person]:
    """Return by their places the holders of lines without the consents that the stored registrations have."""
    repeats = [_repeat(place, each) for place, each in lines.items() if each.has_consents]
    rows = await db.rows(REPETITIONS, account_id, **REPEATS.arguments(repeats)) if repeats else []
    return {row["place"]: without_consents(lines[row["place"]].profile, row) for row in rows}


def _repeat(place: int, line: Line) -> dict[str, Any]:
    return {
        "place": place,
        "network": line.new.network,
        "registration_key": line.new.registration_key,
        "mail_key": line.profile.mail_key,
        "registered_at": line.new.registration_timestamp,
    }
