"""What criteria ask of the index: the same questions that `queries.criteria` asks of the tables, in terms of bitmaps.

A criterion that is not read here makes the whole question one for the tables.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from fanfare.audience.sold import MOST_PRICE, Count, SoldTo
from fanfare.kernel.folding import fold
from fanfare.places.postal_codes import postal_key
from fanfare.search.queries import stored, tickets
from fanfare.search.queries.criteria import Setting, is_there, province_keys, ticket_events_asked, years_before
from fanfare.search.queries.stored import kept
from fanfare.search.schemas.search import Criteria
from fanfare.tickets.queries.stats import SEATS


class AllOf(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom every part holds: everybody when there is none."""

    parts: list["Plan"]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom one part holds: nobody when there is none."""

    parts: list["Plan"]


class Without(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom a part does not hold."""

    part: "Plan"


class Having(msgspec.Struct, frozen=True, tag=True):
    """Fans who have one of the values of a facet."""

    facet: str
    values: list[str | int]


class Between(msgspec.Struct, frozen=True, tag=True):
    """Fans whose number is at least `first` and below `end`; null is no bound."""

    column: str
    first: int | None = None
    end: int | None = None


class Coded(msgspec.Struct, frozen=True, tag=True):
    """Fans who have one of the texts of a column that keeps texts by their number."""

    column: str
    texts: list[str]


Plan = AllOf | AnyOf | Without | Having | Between | Coded | SoldTo
Part = Callable[[Criteria, Setting], Iterator[Plan | None]]
NOBODY = AnyOf([])


def plan(wanted: Criteria, at: Setting) -> Plan | None:
    """Return what criteria ask of the index, or None when it cannot be asked."""
    if not kept(wanted).keys() <= KNOWN:
        return None
    parts = [part for read in PARTS for part in read(wanted, at)]
    if any(part is None for part in parts):
        return None
    return AllOf([part for part in parts if part is not None])


# Every parameter that the parts below read.
KNOWN = frozenset(
    (
        "fan_gender",
        "fan_youngest_age",
        "fan_oldest_age",
        "fan_networks",
        "fan_postal_codes",
        "fan_provinces",
        "fan_metro_areas",
        "fan_is_subscribed",
        "fan_is_optout",
        "fan_is_phone_subscribed",
        "fan_rating",
        "fan_source",
        "fan_start_creation_date",
        "fan_end_creation_date",
        "crm_active_days",
        "crm_inactive_days",
        "crm_start_active_date",
        "crm_end_active_date",
        "fan_tags",
        "fan_tag_relations",
        "idol_names",
        "idol_relations",
        "fan_incl_snapshot_uids",
        "fan_excl_snapshot_uids",
        "fan_incl_segments",
        "fan_excl_segments",
        *(name for name in Criteria.__struct_fields__ if name.startswith("ticket_")),
    )
)


def _person(wanted: Criteria, at: Setting) -> Iterator[Plan]:
    if wanted.fan_gender is not None:
        yield Having("gender", [wanted.fan_gender])
    if wanted.fan_youngest_age is not None:
        yield Between("born", end=years_before(at.today, wanted.fan_youngest_age).toordinal() + 1)
    if wanted.fan_oldest_age is not None:
        yield Between("born", first=years_before(at.today, wanted.fan_oldest_age + 1).toordinal() + 1)
    if wanted.fan_networks is not None:
        yield Having("network", [fold(network) for network in wanted.fan_networks])


def _place(wanted: Criteria, at: Setting) -> Iterator[Plan]:
    if wanted.fan_postal_codes is not None:
        yield Coded("postal_code", [postal_key(code) for code in wanted.fan_postal_codes])
    if wanted.fan_provinces is not None:
        yield Having("folded_province", [*province_keys(wanted.fan_provinces, at.country_code)])
    if wanted.fan_metro_areas is not None:
        yield Having("folded_metro_area", [fold(each) for each in wanted.fan_metro_areas])


def _record(wanted: Criteria, _: Setting) -> Iterator[Plan]:
    flags = {
        "subscribed": wanted.fan_is_subscribed,
        "optout": wanted.fan_is_optout,
        "phone_subscribed": wanted.fan_is_phone_subscribed,
    }
    for name, flag in flags.items():
        if flag is not None:
            yield Having("flag", [name]) if flag else Without(Having("flag", [name]))
    if wanted.fan_rating is not None:
        # As PostgreSQL turns a float into a number: to fifteen digits.
        yield Between("rating", first=math.ceil(Decimal(f"{wanted.fan_rating:.15g}") * 10))
    if wanted.fan_source is not None:
        yield Having("source", [fold(wanted.fan_source)])
    if wanted.fan_start_creation_date or wanted.fan_end_creation_date:
        yield _days("created", wanted.fan_start_creation_date, wanted.fan_end_creation_date)


def _days(column: str, start: date | None = None, last: date | None = None) -> Between:
    return Between(column, start.toordinal() if start else None, last.toordinal() + 1 if last else None)


def _activity(wanted: Criteria, at: Setting) -> Iterator[Plan | None]:
    if wanted.crm_active_days is not None:
        yield _days("last_active", at.today - timedelta(days=wanted.crm_active_days))
    if wanted.crm_inactive_days is not None:
        yield Without(_days("last_active", at.today - timedelta(days=wanted.crm_inactive_days)))
    if wanted.crm_start_active_date and wanted.crm_end_active_date:
        # Whether anything lies between two days is for the table of activities to say.
        yield None
    elif wanted.crm_start_active_date:
        yield _days("last_active", wanted.crm_start_active_date)
    elif wanted.crm_end_active_date:
        yield _days("first_active", last=wanted.crm_end_active_date)


def _ties(wanted: Criteria, at: Setting) -> Iterator[Plan]:
    if wanted.fan_tags:
        yield _tied("tag", _known(at.tag_ids, wanted.fan_tags), is_any=wanted.fan_tag_relations == "any")
    if wanted.idol_names:
        yield _tied("idol", _known(at.idol_uids, wanted.idol_names), is_any=wanted.idol_relations == "any")


def _known(ids: dict[str, Any], names: list[str]) -> list[str | int | None]:
    found = [ids.get(name) for name in {fold(name) for name in names}]
    return [each if each is None or isinstance(each, int) else str(each) for each in found]


def _tied(facet: str, ids: Sequence[str | int | None], *, is_any: bool) -> Plan:
    known = [each for each in ids if each is not None]
    if is_any:
        return Having(facet, known)
    if len(known) < len(ids):
        return NOBODY
    return AllOf([Having(facet, [each]) for each in known])


def _tickets(wanted: Criteria, at: Setting) -> Iterator[Plan | None]:
    days, first, last = (
        wanted.ticket_purchased_days,
        wanted.ticket_start_purchase_date,
        wanted.ticket_end_purchase_date,
    )
    starts = [*([] if days is None else [at.today - timedelta(days=days)]), *([first] if first else [])]
    lowest, highest = _whole(wanted.ticket_seat_price_min), _whole(wanted.ticket_seat_price_max)
    counted = tickets.counts(wanted)
    events = ticket_events_asked(wanted, at.country_code)
    asked = SoldTo(
        [uid.hex for uid in at.ticket_events[events]] if events else None,
        fold(wanted.ticket_price_code) if wanted.ticket_price_code else None,
        max(starts).toordinal() if starts else None,
        last.toordinal() + 1 if last else None,
        lowest,
        highest,
        [Count("seats" if sql == SEATS else "sale", least, most) for sql, least, most in counted],
        tickets.turned(counted),
    )
    if any(abs(each) > MOST_PRICE for each in (lowest, highest) if each is not None):
        yield None
    elif asked != SoldTo():
        yield Without(asked) if tickets.is_negated(wanted) else asked


def _whole(amount: Decimal | None) -> int | None:
    """Return an amount in ten thousandths: that is how exactly amounts are read."""
    return None if amount is None else int(amount.scaleb(4))


def _segments(wanted: Criteria, at: Setting) -> Iterator[Plan | None]:
    named = stored.mentions(wanted)
    for name in stored.INCLUDING:
        if name in named:
            yield _inside_any(named[name], at)
    excluded = dict.fromkeys(segment for name in stored.EXCLUDING for segment in named.get(name, ()))
    if not all(is_there(segment, at) for segment in excluded):
        yield NOBODY
    elif excluded:
        inside = _inside_any(excluded, at)
        yield Without(inside) if inside is not None else None


def _inside_any(segments: Iterable[str], at: Setting) -> Plan | None:
    """Return what being in one of some segments asks: all tags at once, all snapshots at once, filter by filter."""
    known = [segment.partition(":") for segment in segments if is_there(segment, at)]
    parts: list[Plan | None] = [plan(at.filters[key], at) for kind, _, key in known if kind == "filter"]
    if tag_ids := [int(key) for kind, _, key in known if kind == "tag"]:
        parts.append(Having("tag", [*tag_ids]))
    if uids := [key for kind, _, key in known if kind == "snapshot"]:
        parts.append(Having("snapshot", [*uids]))
    told = [part for part in parts if part is not None]
    return AnyOf(told) if len(told) == len(parts) else None


PARTS: tuple[Part, ...] = (_person, _place, _record, _activity, _ties, _tickets, _segments)
