"""Answers questions out of the bitmaps of an account: who, how many, and the figures of a filter's statistics."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from pyroaring import BitMap

from fanfare.audience.index.account import Audience
from fanfare.audience.index.bitmaps import Value
from fanfare.audience.protocol import Ages
from fanfare.search.criteria.plans import AllOf, AnyOf, Between, Coded, Having, Plan, SoldTo, Without
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


def fans(audience: Audience, plan: Plan, candidates: BitMap) -> BitMap:
    """Return those of some fans for whom a plan holds."""
    match plan:
        case AllOf(parts):
            for part in parts:
                candidates = fans(audience, part, candidates)
            return candidates
        case AnyOf(parts):
            return BitMap.union(BitMap(), *(fans(audience, part, candidates) for part in parts))
        case Without(part):
            return candidates - fans(audience, part, candidates)
        case Having(facet, values):
            return audience.facets[facet].fans(values, candidates)
        case SoldTo():
            return audience.tickets.fans(plan, candidates)
        case _:
            return _by_number(audience, plan, candidates)


def _by_number(audience: Audience, plan: Between | Coded, candidates: BitMap) -> BitMap:
    numbers = audience.columns[plan.column]
    if isinstance(plan, Coded):
        codes = audience.codes[plan.column]
        code_set = {codes[text] for text in plan.texts if text in codes}
        return BitMap.union(BitMap(), *(numbers.exactly(code, candidates) for code in code_set))
    result = numbers.at_least(plan.first or 0, candidates)
    return result if plan.end is None else result - numbers.at_least(plan.end, result)


def count(audience: Audience, plan: Plan) -> int:
    """Return for how many fans a plan holds."""
    return len(fans(audience, plan, audience.everyone))


def matches(audience: Audience, plans: Sequence[Plan], fan_ids: Sequence[int]) -> list[list[int]]:
    """Return for each plan those of some fans for whom it holds."""
    candidates = BitMap(fan_ids) & audience.everyone
    return [list(fans(audience, plan, candidates)) for plan in plans]


def statistics(audience: Audience, plan: Plan, ages: Ages) -> FilterStats:
    """Return the statistics of the fans for whom a plan holds, as `queries.stats` computes them."""
    candidates = fans(audience, plan, audience.everyone)
    top = {
        name: audience.facets[name].largest(candidates, ages.most_places)
        for name in ("gender", "country_code", "metro_area", "location")
    }
    return FilterStats(
        fans=_status(audience, candidates),
        fan_demographics=FanDemographics(_genders(top["gender"], len(candidates)), _ages(audience, candidates, ages)),
        top_countries=[CountryCount(str(value), fan_count) for value, fan_count in top["country_code"]],
        top_metro_areas=[MetroAreaCount(str(value), fan_count) for value, fan_count in top["metro_area"]],
        top_locations=_locations(audience, candidates, top["location"]),
        fan_metrics=_metrics(audience, candidates, ages),
        postal_demographics=_areas(audience, candidates, ages.most_areas),
    )


def _status(audience: Audience, candidates: BitMap) -> SegmentStatus:
    flags = audience.facets["flag"]
    by_mail, by_phone = flags.fans(["email"], candidates), flags.fans(["phone"], candidates)
    out = flags.fans(["optout"], candidates)
    return SegmentStatus(
        fan_count=len(candidates),
        email_count=len(by_mail),
        phone_count=len(by_phone),
        phone_subscribe_count=len(flags.fans(["phone_subscribed"], by_phone) - out),
        email_subscribe_count=len(flags.fans(["subscribed"], by_mail) - out),
        last_update_timestamp=audience.columns["updated"].greatest(candidates),
    )


def _genders(groups: list[tuple[Value, int]], total: int) -> list[GenderCount]:
    counts = [GenderCount(str(value), count) for value, count in groups]
    if silent := total - sum(each.fan_count for each in counts):
        counts.append(GenderCount(None, silent))
    return sorted(counts, key=lambda each: -each.fan_count)


def _ages(audience: Audience, candidates: BitMap, ages: Ages) -> list[AgeCount]:
    born = audience.columns["born"]
    counts = []
    younger = 0
    for first, last, end in ages.groups:
        older = len(born.at_least(end, candidates))
        counts.append(AgeCount(first, last, older - younger))
        younger = older
    silent = AgeCount(None, None, len(candidates) - born.present.intersection_cardinality(candidates))
    groups = [each for each in (silent, *counts) if each.fan_count]
    return sorted(groups, key=lambda each: (each.youngest_age or -1, -each.fan_count))


def _locations(audience: Audience, candidates: BitMap, groups: list[tuple[Value, int]]) -> list[LocationCount]:
    sets = audience.facets["location"].sets
    rows = []
    for value, fan_count in groups:
        city, country, province = value if isinstance(value, tuple) else (str(value), None, None)
        middle = audience.spots.middle(sets[value] & candidates)
        rows.append(LocationCount(city or "", province, country, fan_count, *middle))
    return rows


def _areas(audience: Audience, candidates: BitMap, limit: int) -> list[PostalDemographic]:
    """Return the postal areas of the most fans; what a census says of them is for the tables to say."""
    return [PostalDemographic(*area, fan_count, None) for area, fan_count in audience.areas.largest(candidates, limit)]


def _metrics(audience: Audience, candidates: BitMap, ages: Ages) -> FanMetrics:
    rating, active = audience.columns["rating"], audience.columns["last_active"]
    rated = rating.present.intersection_cardinality(candidates)
    average = Decimal(rating.total(candidates)) / (10 * rated) if rated else None
    return FanMetrics(
        active_fan_count=active.present.intersection_cardinality(candidates),
        recently_active_fan_count=len(active.at_least(ages.recent, candidates)),
        activity_count=audience.columns["activity_count"].total(candidates),
        average_rating=None if average is None else float(average.quantize(Decimal("0.01"), ROUND_HALF_UP)),
        optout_count=len(audience.facets["flag"].fans(["optout"], candidates)),
    )
