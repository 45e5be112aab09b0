"""Answers questions out of the bitmaps of an account: who, how many, and the figures of a filter's statistics."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from pyroaring import BitMap

from fanfare.audience.bitmaps import Value
from fanfare.audience.holding import Audience
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


def fans(audience: Audience, plan: Plan, among: BitMap) -> BitMap:
    """Return those of some fans for whom a plan holds."""
    match plan:
        case AllOf(parts):
            for part in parts:
                among = fans(audience, part, among)
            return among
        case AnyOf(parts):
            return BitMap.union(BitMap(), *(fans(audience, part, among) for part in parts))
        case Without(part):
            return among - fans(audience, part, among)
        case Having(facet, values):
            return audience.facets[facet].fans(values, among)
        case SoldTo():
            return audience.tickets.fans(plan, among)
        case _:
            return _by_number(audience, plan, among)


def _by_number(audience: Audience, plan: Between | Coded, among: BitMap) -> BitMap:
    numbers = audience.columns[plan.column]
    if isinstance(plan, Coded):
        codes = audience.codes[plan.column]
        known = {codes[text] for text in plan.texts if text in codes}
        return BitMap.union(BitMap(), *(numbers.exactly(code, among) for code in known))
    found = numbers.at_least(plan.first or 0, among)
    return found if plan.end is None else found - numbers.at_least(plan.end, found)


def count(audience: Audience, plan: Plan) -> int:
    """Return for how many fans a plan holds."""
    return len(fans(audience, plan, audience.everyone))


def inside(audience: Audience, plans: Sequence[Plan], fan_ids: Sequence[int]) -> list[list[int]]:
    """Return for each plan those of some fans for whom it holds."""
    among = BitMap(fan_ids) & audience.everyone
    return [list(fans(audience, plan, among)) for plan in plans]


def statistics(audience: Audience, plan: Plan, ages: Ages) -> FilterStats:
    """Return the statistics of the fans for whom a plan holds, as `queries.stats` computes them."""
    among = fans(audience, plan, audience.everyone)
    top = {
        name: audience.facets[name].largest(among, ages.most_places)
        for name in ("gender", "country_code", "metro_area", "location")
    }
    return FilterStats(
        fans=_status(audience, among),
        fan_demographics=FanDemographics(_genders(top["gender"], len(among)), _ages(audience, among, ages)),
        top_countries=[CountryCount(str(value), counted) for value, counted in top["country_code"]],
        top_metro_areas=[MetroAreaCount(str(value), counted) for value, counted in top["metro_area"]],
        top_locations=_locations(audience, among, top["location"]),
        fan_metrics=_metrics(audience, among, ages),
        postal_demographics=_areas(audience, among, ages.most_areas),
    )


def _status(audience: Audience, among: BitMap) -> SegmentStatus:
    flags = audience.facets["flag"]
    by_mail, by_phone = flags.fans(["email"], among), flags.fans(["phone"], among)
    out = flags.fans(["optout"], among)
    return SegmentStatus(
        fan_count=len(among),
        email_count=len(by_mail),
        phone_count=len(by_phone),
        phone_subscribe_count=len(flags.fans(["phone_subscribed"], by_phone) - out),
        email_subscribe_count=len(flags.fans(["subscribed"], by_mail) - out),
        last_update_timestamp=audience.columns["updated"].greatest(among),
    )


def _genders(found: list[tuple[Value, int]], whole: int) -> list[GenderCount]:
    counted = [GenderCount(str(value), count) for value, count in found]
    if silent := whole - sum(each.fan_count for each in counted):
        counted.append(GenderCount(None, silent))
    return sorted(counted, key=lambda each: -each.fan_count)


def _ages(audience: Audience, among: BitMap, ages: Ages) -> list[AgeCount]:
    born = audience.columns["born"]
    counted = []
    younger = 0
    for first, last, before in ages.groups:
        reached = len(born.at_least(before, among))
        counted.append(AgeCount(first, last, reached - younger))
        younger = reached
    silent = AgeCount(None, None, len(among) - born.known.intersection_cardinality(among))
    known = [each for each in (silent, *counted) if each.fan_count]
    return sorted(known, key=lambda each: (each.youngest_age or -1, -each.fan_count))


def _locations(audience: Audience, among: BitMap, found: list[tuple[Value, int]]) -> list[LocationCount]:
    living = audience.facets["location"].sets
    located = []
    for value, counted in found:
        city, country, province = value if isinstance(value, tuple) else (str(value), None, None)
        middle = audience.spots.middle(living[value] & among)
        located.append(LocationCount(city or "", province, country, counted, *middle))
    return located


def _areas(audience: Audience, among: BitMap, most: int) -> list[PostalDemographic]:
    """Return the postal areas of the most fans; what a census says of them is for the tables to say."""
    return [PostalDemographic(*area, counted, None) for area, counted in audience.areas.largest(among, most)]


def _metrics(audience: Audience, among: BitMap, ages: Ages) -> FanMetrics:
    rating, active = audience.columns["rating"], audience.columns["last_active"]
    rated = rating.known.intersection_cardinality(among)
    average = Decimal(rating.total(among)) / (10 * rated) if rated else None
    return FanMetrics(
        active_fan_count=active.known.intersection_cardinality(among),
        recently_active_fan_count=len(active.at_least(ages.recent, among)),
        activity_count=audience.columns["activity_count"].total(among),
        average_rating=None if average is None else float(average.quantize(Decimal("0.01"), ROUND_HALF_UP)),
        optout_count=len(audience.facets["flag"].fans(["optout"], among)),
    )
