"""Shapes of the statistics of the fans who meet criteria."""

from typing import Any

import msgspec

from fanfare.kernel.data.paging import IgnoredParameters


class SegmentStatus(msgspec.Struct):
    """The reach of a segment. `last_update_timestamp` is when one of its fans last changed, in unix seconds.

    A fan counts as opted in with an email or a phone, an opt-in to it, and no opt-out of everything.
    """

    fan_count: int
    email_count: int
    phone_count: int
    phone_subscribe_count: int
    email_subscribe_count: int
    last_update_timestamp: int | None


class GenderCount(msgspec.Struct):
    """Fans of a gender; null for fans without one."""

    gender: str | None
    fan_count: int


class AgeCount(msgspec.Struct):
    """Fans between two ages today, both included; both null for fans without a birth date."""

    youngest_age: int | None
    oldest_age: int | None
    fan_count: int


class FanDemographics(msgspec.Struct):
    """Fans by gender and by age."""

    genders: list[GenderCount]
    ages: list[AgeCount]


class CountryCount(msgspec.Struct):
    """Fans of a country."""

    country_code: str
    fan_count: int


class MetroAreaCount(msgspec.Struct):
    """Fans of a metro area."""

    metro_area: str
    fan_count: int


class LocationCount(msgspec.Struct):
    """Fans of a city; latitude and longitude are the mean of the known positions."""

    city: str
    province: str | None
    country_code: str | None
    fan_count: int
    latitude: float | None
    longitude: float | None


class FanMetrics(msgspec.Struct):
    """Activity of the fans: how many were ever active, how many in the last 30 days, and the number of activities."""

    active_fan_count: int
    recently_active_fan_count: int
    activity_count: int
    average_rating: float | None
    optout_count: int


class PostalDemographic(msgspec.Struct):
    """Fans of a postal area, with census figures of the area; null when there are none.

    The area is the five-digit code in the US, and the first half of the code in CA, GB, IE and NL. Shares are fractions
    of 1, amounts are in the country's currency. The position is null where no list of places has the area.
    """

    country_code: str
    postal_code: str
    fan_count: int
    census: dict[str, Any] | None
    latitude: float | None = None
    longitude: float | None = None


class FilterStats(IgnoredParameters, kw_only=True):
    """Statistics of a filter. Places are sorted by the number of fans, at most 20 of each kind, postal codes 100."""

    fans: SegmentStatus
    fan_demographics: FanDemographics
    top_countries: list[CountryCount]
    top_metro_areas: list[MetroAreaCount]
    top_locations: list[LocationCount]
    fan_metrics: FanMetrics
    postal_demographics: list[PostalDemographic]
