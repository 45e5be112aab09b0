"""What each parameter of the search asks of a fan, as fragments for the `where` builder."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold, holding
from fanfare.kernel.wire import day_bounds
from fanfare.places.postal_codes import postal_key
from fanfare.places.provinces import province_kept
from fanfare.search.queries import stored, tickets
from fanfare.search.queries.where import Criterion
from fanfare.search.schemas.search import Criteria


class Setting(msgspec.Struct, frozen=True):
    """What criteria are read against: the account's zone and country, its today, and what they name.

    `filters` are the criteria of the filters that are referred to, also by one another, by their uid; `unreadable` the
    uids of those whose criteria cannot be read; `segments` the
    tags and snapshots, as tag:id and snapshot:uid; `missing_names` the names of ticket events that none of them has,
    by their criterion, where nothing was found.
    """

    zone: str
    country_code: str | None
    today: date
    tag_ids: dict[str, int]
    idol_uids: dict[str, uuid.UUID]
    filters: dict[str, Criteria]
    unreadable: frozenset[str]
    segments: frozenset[str]
    ticket_events: tickets.Events
    missing_names: tickets.MissingNames

    def start_of(self, day: date) -> datetime:
        """Return the first moment of a day in the account's zone."""
        return day_bounds(day, self.zone)[0]

    def end_of(self, day: date) -> datetime:
        """Return the first moment after a day in the account's zone."""
        return day_bounds(day, self.zone)[1]


async def shared_setting(
    db: Db, account: Account, wanted: Sequence[Criteria], now: datetime, most: int | None = None
) -> Setting:
    """Return what several sets of criteria are read against at this moment; of filters not many more than the most."""
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    found = await stored.reached(db, account.id, wanted, most)
    reached = {uid: each for uid, each in found.items() if each is not None}
    read = [*wanted, *reached.values()]
    tag_ids = await _known(db, account.id, TAG_IDS, [name for each in read for name in each.fan_tags or ()])
    idol_uids = await _known(db, account.id, IDOL_UIDS, [name for each in read for name in each.idol_names or ()])
    lists = [each for each in stored.referred(read) if not each.startswith("filter:")]
    segments = frozenset(await stored.known_segments(db, account.id, lists))
    asked = {ticket_events_asked(each, account.country_code) for each in read} - {None}
    ticket_events = {each: await tickets.events(db, account.id, each) for each in asked if each}
    missing = {
        each: await tickets.missing_names(db, account.id, each) for each, uids in ticket_events.items() if not uids
    }
    return Setting(
        account.time_zone, account.country_code, today, tag_ids, idol_uids, reached, frozenset(found.keys() - reached),
        segments, ticket_events, missing,
    )  # fmt: skip


def ticket_events_asked(wanted: Criteria, country_code: str | None) -> tickets.EventsAsked | None:
    """Return which ticket events criteria name, if any."""
    provinces = wanted.ticket_venue_provinces
    return tickets.events_asked(wanted, province_keys(provinces, country_code) if provinces else None)


TAG_IDS = """
    select fold_text(tag_name) as name, tag_id as id from tags where account_id = $1 and fold_text(tag_name) = any($2)
"""
IDOL_UIDS = """
    select fold_text(idol_name) as name, idol_uid as id
    from idols where account_id = $1 and fold_text(idol_name) = any($2)
"""


async def _known(db: Db, account_id: int, sql: str, names: list[str]) -> dict[str, Any]:
    """Return the id of each of the names that the account knows, by the folded name."""
    if not names:
        return {}
    return {row["name"]: row["id"] for row in await db.rows(sql, account_id, _folded(names))}


def _folded(names: Iterable[str]) -> list[str]:
    return sorted({fold(name) for name in names})


def criteria(wanted: Criteria, at: Setting, newest: int | None = None) -> Iterator[Criterion]:
    """Yield the criteria that were given, and that no fan is newer than the one named."""
    if newest is not None:
        yield Criterion("f.fan_id <= {}", (newest,))
    for part in PARTS:
        yield from part(wanted, at)


def _person(wanted: Criteria, at: Setting) -> Iterator[Criterion]:
    if wanted.name is not None:
        yield Criterion("f.search_text like {}", (holding(wanted.name),))
    if wanted.fan_gender is not None:
        yield Criterion("f.gender = {}", (wanted.fan_gender,))
    if wanted.fan_youngest_age is not None:
        yield Criterion("f.birth_date <= {}", (years_before(at.today, wanted.fan_youngest_age),))
    if wanted.fan_oldest_age is not None:
        yield Criterion("f.birth_date > {}", (years_before(at.today, wanted.fan_oldest_age + 1),))
    if wanted.fan_networks is not None:
        sql = """exists (select from fan_identifiers i
            where i.account_id = $1 and i.fan_id = f.fan_id and i.network = any({}::text[]))"""
        yield Criterion(sql, (_folded(wanted.fan_networks),))


def _place(wanted: Criteria, at: Setting) -> Iterator[Criterion]:
    if wanted.fan_postal_codes is not None:
        codes = [postal_key(code) for code in wanted.fan_postal_codes]
        yield Criterion("replace(f.postal_code, ' ', '') = any({}::text[])", (codes,))
    if wanted.fan_provinces is not None:
        keys = province_keys(wanted.fan_provinces, at.country_code)
        yield Criterion("fold_text(f.province) = any({}::text[])", (keys,))
    if wanted.fan_metro_areas is not None:
        yield Criterion("fold_text(f.metro_area) = any({}::text[])", (_folded(wanted.fan_metro_areas),))


def _record(wanted: Criteria, at: Setting) -> Iterator[Criterion]:
    flags = {
        "f.is_subscribed": wanted.fan_is_subscribed,
        "f.is_optout": wanted.fan_is_optout,
        "f.is_phone_subscribed": wanted.fan_is_phone_subscribed,
    }
    for column, flag in flags.items():
        if flag is not None:
            yield Criterion(column if flag else f"not {column}")
    if wanted.fan_rating is not None:
        yield Criterion("f.rating >= {}::float8::numeric", (wanted.fan_rating,))
    if wanted.fan_source is not None:
        yield Criterion("fold_text(f.fan_source) = {}", (fold(wanted.fan_source),))
    if wanted.fan_start_creation_date is not None:
        yield Criterion("f.created_at >= {}", (at.start_of(wanted.fan_start_creation_date),))
    if wanted.fan_end_creation_date is not None:
        yield Criterion("f.created_at < {}", (at.end_of(wanted.fan_end_creation_date),))


# Nearly every question about activity is one about the first or the last.
ACTIVE = "exists (select from fan_activity a where a.account_id = $1 and a.fan_id = f.fan_id and {})"
BETWEEN = """exists (select from activities a
    where a.account_id = $1 and a.fan_id = f.fan_id and a.created_at >= {} and a.created_at < {})"""


def _activity(wanted: Criteria, at: Setting) -> Iterator[Criterion]:
    if wanted.crm_active_days is not None:
        since = at.start_of(at.today - timedelta(days=wanted.crm_active_days))
        yield Criterion(ACTIVE.format("a.last_active_at >= {}"), (since,))
    if wanted.crm_inactive_days is not None:
        since = at.start_of(at.today - timedelta(days=wanted.crm_inactive_days))
        yield Criterion("not " + ACTIVE.format("a.last_active_at >= {}"), (since,))
    start = at.start_of(wanted.crm_start_active_date) if wanted.crm_start_active_date else None
    end = at.end_of(wanted.crm_end_active_date) if wanted.crm_end_active_date else None
    if start and end:
        yield Criterion(ACTIVE.format("a.last_active_at >= {} and a.first_active_at < {}"), (start, end))
        yield Criterion(BETWEEN, (start, end))
    elif start:
        yield Criterion(ACTIVE.format("a.last_active_at >= {}"), (start,))
    elif end:
        yield Criterion(ACTIVE.format("a.first_active_at < {}"), (end,))


# The ties of a fan to some things: what is read of them, and which things.
TAGGED = "(select {} from fan_tags t where t.account_id = $1 and t.fan_id = f.fan_id and t.tag_id = {})"
FOLLOWING = "(select {} from fan_idols i where i.account_id = $1 and i.fan_id = f.fan_id and i.idol_uid = {})"
# So many of them are asked for one by one, as the planner knows how common each is; more would take it too long.
EACH_ALONE = 8


def _tags(wanted: Criteria, at: Setting) -> Iterator[Criterion]:
    if wanted.fan_tags:
        ids = [at.tag_ids.get(name) for name in _folded(wanted.fan_tags)]
        yield from _tied(TAGGED, "any({}::bigint[])", ids, is_any=wanted.fan_tag_relations == "any")


def _idols(wanted: Criteria, at: Setting) -> Iterator[Criterion]:
    if wanted.idol_names:
        uids = [at.idol_uids.get(name) for name in _folded(wanted.idol_names)]
        yield from _tied(FOLLOWING, "any({}::uuid[])", uids, is_any=wanted.idol_relations == "any")


def _tickets(wanted: Criteria, at: Setting) -> Iterator[Criterion]:
    days, first, last = (
        wanted.ticket_purchased_days,
        wanted.ticket_start_purchase_date,
        wanted.ticket_end_purchase_date,
    )
    starts = [] if days is None else [at.start_of(at.today - timedelta(days=days))]
    starts += [at.start_of(first)] if first else []
    asked = ticket_events_asked(wanted, at.country_code)
    bought = tickets.Bought(max(starts, default=None), at.end_of(last) if last else None)
    found = tickets.criterion(wanted, bought, at.ticket_events[asked] if asked else None)
    if found:
        yield found


INSIDE = """(select {} from snapshot_members s
    where s.account_id = $1 and s.fan_id = f.fan_id and s.snapshot_uid = {})"""


def _segments(wanted: Criteria, at: Setting) -> Iterator[Criterion]:
    named = stored.mentions(wanted)
    for name in stored.INCLUDING:
        if name in named:
            yield _either(list(_inside_any(named[name], at)))
    excluded = dict.fromkeys(segment for name in stored.EXCLUDING for segment in named.get(name, ()))
    if not all(is_there(segment, at) for segment in excluded):
        # Refused before it comes to this: what cannot be told apart lets nobody in.
        yield Criterion("false")
    for outside in _inside_any(excluded, at):
        yield Criterion(f"({outside.sql}) is not true", outside.values)


def _either(parts: Sequence[Criterion]) -> Criterion:
    values = tuple(value for each in parts for value in each.values)
    return Criterion(f"({' or '.join(each.sql for each in parts)})" if parts else "false", values)


def _inside_any(segments: Iterable[str], at: Setting) -> Iterator[Criterion]:
    """Yield what being in one of some segments asks: all tags at once, all snapshots at once, filter by filter."""
    known = [segment.partition(":") for segment in segments if is_there(segment, at)]
    if tag_ids := [int(key) for kind, _, key in known if kind == "tag"]:
        yield from _tied(TAGGED, "any({}::bigint[])", tag_ids, is_any=True)
    if uids := [uuid.UUID(key) for kind, _, key in known if kind == "snapshot"]:
        yield from _tied(INSIDE, "any({}::uuid[])", uids, is_any=True)
    yield from (_inside_filter(key, at) for kind, _, key in known if kind == "filter")


def is_there(segment: str, at: Setting) -> bool:
    """Tell whether the account has a segment that criteria name, as kind:id."""
    return segment in at.segments or segment.removeprefix("filter:") in at.filters


def inside(segment: str, at: Setting) -> Criterion | None:
    """Return what being in a segment asks of a fan; None for one that is not there."""
    return next(_inside_any([segment], at), None)


def _inside_filter(uid: str, at: Setting) -> Criterion:
    parts = list(criteria(at.filters[uid], at))
    values = tuple(value for part in parts for value in part.values)
    return Criterion(f"({' and '.join(part.sql for part in parts) or 'true'})", values)


def _tied(sql: str, to_any: str, ids: Sequence[object | None], *, is_any: bool) -> Iterator[Criterion]:
    """Yield that a fan is tied to one of some things, or to all of them; None is what nobody can be tied to."""
    known = [each for each in ids if each is not None]
    if not known or (not is_any and len(known) < len(ids)):
        yield Criterion("false")
    elif is_any and len(known) > 1:
        yield Criterion("exists " + sql.format("", to_any), (known,))
    elif len(known) > EACH_ALONE:
        yield Criterion(sql.format("count(*)", to_any) + " = {}", (known, len(known)))
    else:
        yield from (Criterion("exists " + sql.format("", "{}"), (each,)) for each in known)


PARTS: tuple[Callable[[Criteria, Setting], Iterator[Criterion]], ...] = (
    _person,
    _place,
    _record,
    _activity,
    _tags,
    _idols,
    _tickets,
    _segments,
)


def years_before(day: date, years: int) -> date:
    """Return the last day of birth of somebody who is that many years old on a day.

    On 29 February it is 28 February where the year had no 29th: who was born on 1 March is not that old yet.
    """
    year = max(day.year - years, 1)
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


def province_keys(names: list[str], country_code: str | None) -> list[str]:
    """Return the ways in which provinces may be stored: as written, by code or by name; folded."""
    kept = set(names)
    for country in {"US", "CA", country_code or "US"}:
        for name in names:
            with suppress(ValueError):
                kept.add(province_kept(country, name) or name)
    return _folded(kept)
