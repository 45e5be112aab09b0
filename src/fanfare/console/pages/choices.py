"""What forms offer where a call takes an id or a code: things, zones and countries in lists, fans by their names."""

from babel import Locale

from fanfare.campaigns.queries.campaigns import campaigns
from fanfare.campaigns.schemas.campaigns import CampaignChoice
from fanfare.console.schemas.fans import FanChoicesQuery
from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import View, Visit
from fanfare.kernel.wire.zones import zone_names
from fanfare.places.countries import country_codes
from fanfare.profiles.queries.finding import find_fans
from fanfare.segments.queries.filters import filters_listed
from fanfare.segments.queries.overview import segments_named
from fanfare.segments.schemas.filters import FilterWindow
from fanfare.staff.schemas.members import Member
from fanfare.streams.queries.managed import managed_streams

Choices = list[tuple[str, str]]
CONTINENTS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
# What a list of segments is ordered by.
SEGMENT_TYPES = ("filter", "snapshot", "tag")


async def campaign_choices(db: Db, member: Member) -> Choices:
    """Return the campaigns that the person sees, the newest first."""
    rows = await campaigns(db, member.account.id, CampaignChoice())
    return [(str(each.page_tab_id), each.name) for each in reversed(rows) if member.sees_business(each.business_id)]


async def stream_choices(db: Db, member: Member) -> Choices:
    """Return the streams that the person sees."""
    rows = await managed_streams(db, member.account.id, member.business_ids)
    return [(each.stream_key, each.stream_name) for each in rows]


async def filter_choices(db: Db, member: Member) -> Choices:
    """Return the filters whose members are kept, by name."""
    rows = await filters_listed(db, member.account, FilterWindow())
    names = [(str(each.filter_uid), each.filter_name) for each in rows if each.is_active]
    return sorted(names, key=lambda each: fold(each[1]))


async def segment_choices(db: Db, member: Member) -> dict[str, Choices]:
    """Return the segments by their type; the value is the type and the id."""
    filters = await filters_listed(db, member.account, FilterWindow())
    names = {"filter": [(str(each.filter_uid), each.filter_name) for each in filters]}
    for kind in SEGMENT_TYPES[1:]:
        names[kind] = [(each.segment_id, each.segment_name) for each in await segments_named(db, member.account, kind)]
    return {kind: [(f"{kind}/{key}", name) for key, name in names[kind]] for kind in SEGMENT_TYPES}


def zone_choices(current: str) -> dict[str, Choices]:
    """Return the time zones that people know, as (name, place) by continent; the current one in any case."""
    groups: dict[str, Choices] = {name: [] for name in CONTINENTS}
    for zone in sorted(zone_names()):
        continent, _, place = zone.partition("/")
        if place and continent in groups:
            groups[continent].append((zone, place.replace("_", " ")))
    groups["Other"] = sorted(
        {("UTC", "UTC"), *([(current, current)] if current.partition("/")[0] not in groups else [])}
    )
    return groups


def country_choices(language: Language) -> Choices:
    """Return the countries as (code, name), by name."""
    names = Locale.parse(language.code).territories
    return sorted(((code, names.get(code, code)) for code in country_codes()), key=lambda each: each[1])


@manage.get("/fans/found", area="fans")
async def fan_choices(db: Db, member: Member, visit: Visit, query: FanChoicesQuery) -> View:
    """Show the fans with what was typed, as options of a list; whoever sees no personal data types an id."""
    typed = (visit.query or {}).get(query.field, [""])
    text, mask = str(typed[-1]).strip(), member.mask("fans")
    # What is found by a name or contact would tell whose it is.
    is_closed = mask.is_on and not text.isdigit()
    hits = (
        []
        if is_closed or not text
        else await find_fans(db, member.account, text, member.business_ids, is_by_id_alone=mask.is_on)
    )
    rows = mask.record(hits)
    chosen = next((each for each in rows if str(each.fan_id) == text), None)
    return View("console/templates/fans/found.html", {"fans": rows, "chosen": chosen, "field": query.field})
