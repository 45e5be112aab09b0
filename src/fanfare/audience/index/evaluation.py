"""Evaluates plans on the index of an account: fans, counts and statistics."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from pyroaring import BitMap

from fanfare.audience.index.account import AccountIndex
from fanfare.audience.index.bitmaps import Value
from fanfare.audience.protocol import StatsOptions
from fanfare.search.criteria.plans import AllOf, AnyOf, HasText, HasTickets, HasValue, InRange, Not, Plan
from fanfare.search.schemas.sets import FanSet, chunks, rows_of
from fanfare.search.schemas.stats import (
    AgeCount,
    CountryCount,
    FanDemographics,
    FanMetrics,
    FilterStats,
    GenderCount,
    LocationCount,
    MetroAreaCount,
    PostalDemographic,
    SegmentStatus,
)


def fans(index: AccountIndex, plan: Plan, candidates: BitMap) -> BitMap:
    """Return those candidates for whom a plan holds."""
    match plan:
        case AllOf(parts):
            for part in parts:
                candidates = fans(index, part, candidates)
            return candidates
        case AnyOf(parts):
            return BitMap.union(BitMap(), *(fans(index, part, candidates) for part in parts))
        case Not(part):
            return candidates - fans(index, part, candidates)
        case HasValue(facet, values):
            return index.facets[facet].fans(values, candidates)
        case HasTickets():
            return index.tickets.fans(plan, candidates)
        case _:
            return _by_number(index, plan, candidates)


def _by_number(index: AccountIndex, plan: InRange | HasText, candidates: BitMap) -> BitMap:
    numbers = index.columns[plan.column]
    if isinstance(plan, HasText):
        text_numbers = index.text_numbers[plan.column]
        values = {text_numbers[text] for text in plan.texts if text in text_numbers}
        return BitMap.union(BitMap(), *(numbers.exactly(value, candidates) for value in values))
    result = numbers.at_least(plan.first or 0, candidates)
    return result if plan.end is None else result - numbers.at_least(plan.end, result)


def count(index: AccountIndex, plan: Plan) -> int:
    """Return the number of fans for whom a plan holds."""
    return len(fans(index, plan, index.fans))


def matches(index: AccountIndex, plans: Sequence[Plan], fan_ids: Sequence[int]) -> list[list[int]]:
    """Return for each plan the ids of those of some fans for whom it holds."""
    candidates = BitMap(fan_ids) & index.fans
    return [list(fans(index, plan, candidates)) for plan in plans]


def next_fans(index: AccountIndex, plan: Plan, last_fan_id: int, limit: int) -> list[int]:
    """Return the ids of the fans after one of them for whom a plan holds, in order, at most `limit`."""
    candidates = index.fans.copy()
    candidates.remove_range(0, last_fan_id + 1)
    return list(fans(index, plan, candidates)[:limit])


def fan_set(index: AccountIndex, plan: Plan, first_count: int, max_count: int) -> FanSet:
    """Return the set of the first `max_count` fans for whom a plan holds, with its first ids."""
    result = fans(index, plan, index.fans)
    if len(result) > max_count:
        result = rows_of(result, 0, max_count)
    return FanSet(len(result), list(result[:first_count]), chunks(result))


def statistics(index: AccountIndex, plan: Plan, options: StatsOptions) -> FilterStats:
    """Return the statistics of the fans for whom a plan holds, like `search.queries.stats`; census figures are None."""
    candidates = fans(index, plan, index.fans)
    top = {
        name: index.facets[name].largest(candidates, options.max_places)
        for name in ("gender", "country_code", "metro_area", "location")
    }
    return FilterStats(
        fans=_status(index, candidates),
        fan_demographics=FanDemographics(_genders(top["gender"], len(candidates)), _ages(index, candidates, options)),
        top_countries=[CountryCount(str(value), fan_count) for value, fan_count in top["country_code"]],
        top_metro_areas=[MetroAreaCount(str(value), fan_count) for value, fan_count in top["metro_area"]],
        top_locations=_locations(index, candidates, top["location"]),
        fan_metrics=_metrics(index, candidates, options),
        postal_demographics=_areas(index, candidates, options.max_areas),
    )


def reach(index: AccountIndex, plan: Plan) -> SegmentStatus:
    """Return how many are the fans for whom a plan holds, and how many of them can be reached."""
    return _status(index, fans(index, plan, index.fans))


def _status(index: AccountIndex, candidates: BitMap) -> SegmentStatus:
    flags = index.facets["flag"]
    by_mail, by_phone = flags.fans(["email"], candidates), flags.fans(["phone"], candidates)
    out = flags.fans(["optout"], candidates)
    return SegmentStatus(
        fan_count=len(candidates),
        email_count=len(by_mail),
        phone_count=len(by_phone),
        phone_subscribe_count=len(flags.fans(["phone_subscribed"], by_phone) - out),
        email_subscribe_count=len(flags.fans(["subscribed"], by_mail) - out),
        last_update_timestamp=index.columns["updated"].maximum(candidates),
    )


def _genders(groups: list[tuple[Value, int]], total: int) -> list[GenderCount]:
    counts = [GenderCount(str(value), count) for value, count in groups]
    if unknown := total - sum(each.fan_count for each in counts):
        counts.append(GenderCount(None, unknown))
    return sorted(counts, key=lambda each: -each.fan_count)


def _ages(index: AccountIndex, candidates: BitMap, options: StatsOptions) -> list[AgeCount]:
    born = index.columns["born"]
    counts = []
    younger = 0
    for first, last, end in options.age_groups:
        total = len(born.at_least(end, candidates))
        counts.append(AgeCount(first, last, total - younger))
        younger = total
    unknown = AgeCount(None, None, len(candidates) - born.present.intersection_cardinality(candidates))
    groups = [each for each in (unknown, *counts) if each.fan_count]
    return sorted(groups, key=lambda each: (each.youngest_age or -1, -each.fan_count))


def _locations(index: AccountIndex, candidates: BitMap, groups: list[tuple[Value, int]]) -> list[LocationCount]:
    sets = index.facets["location"].sets
    rows = []
    for value, fan_count in groups:
        city, country, province = value if isinstance(value, tuple) else (str(value), None, None)
        centre = index.spots.centre(sets[value] & candidates)
        rows.append(LocationCount(city or "", province, country, fan_count, *centre))
    return rows


def _areas(index: AccountIndex, candidates: BitMap, limit: int) -> list[PostalDemographic]:
    """Return the postal areas with the most fans, without census figures."""
    return [PostalDemographic(*area, fan_count, None) for area, fan_count in index.areas.largest(candidates, limit)]


def _metrics(index: AccountIndex, candidates: BitMap, options: StatsOptions) -> FanMetrics:
    rating, active = index.columns["rating"], index.columns["last_active"]
    rated = rating.present.intersection_cardinality(candidates)
    average = Decimal(rating.total(candidates)) / (10 * rated) if rated else None
    return FanMetrics(
        active_fan_count=active.present.intersection_cardinality(candidates),
        recently_active_fan_count=len(active.at_least(options.recent_day, candidates)),
        activity_count=index.columns["activity_count"].total(candidates),
        average_rating=None if average is None else float(average.quantize(Decimal("0.01"), ROUND_HALF_UP)),
        optout_count=len(index.facets["flag"].fans(["optout"], candidates)),
    )
