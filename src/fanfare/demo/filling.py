"""Fills an account: single objects through the domains' own actions, mass data by COPY, all in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec

from fanfare.accounts.actions import create_account, create_business
from fanfare.accounts.queries import account_by_id
from fanfare.accounts.schemas import NewAccount, NewBusiness
from fanfare.campaigns.actions.activities import count_activities
from fanfare.campaigns.actions.campaigns import close_campaign, create_campaign
from fanfare.campaigns.schemas.campaigns import CampaignClosing, NewCampaign
from fanfare.campaigns.topics import ACTIVITY_CREATED
from fanfare.demo.advertising import make_ads
from fanfare.demo.book import Ids, TableRow
from fanfare.demo.box_office import import_tickets
from fanfare.demo.colleagues import add_colleagues
from fanfare.demo.copying import copy_rows
from fanfare.demo.desk import furnish
from fanfare.demo.draws import make_draws
from fanfare.demo.following import make_idols, make_sets
from fanfare.demo.gates import COUNT_PASSES, festivals, make_sections
from fanfare.demo.hooks import make_endpoint
from fanfare.demo.linking import make_trackers
from fanfare.demo.logins import open_sessions
from fanfare.demo.loyalty import INSERT_STANDINGS, Loyalty, make_points, make_polls
from fanfare.demo.mailing import make_messages
from fanfare.demo.pastimes import Pastimes
from fanfare.demo.people import Crowd, DemoPerson
from fanfare.demo.places import load_excerpt
from fanfare.demo.programme import BUSINESSES, FIELDS, TAGS, YEARS, DemoBusiness, DemoCampaign, DemoField, campaigns
from fanfare.demo.quests import make_quests
from fanfare.demo.reporting import make_reports
from fanfare.demo.rows import COLUMNS, Rows, positions_needed
from fanfare.demo.schedules import make_performances
from fanfare.demo.segments import make_segments
from fanfare.demo.shop import make_products
from fanfare.demo.story import Story, TimedEvent
from fanfare.demo.transfers import make_transfers
from fanfare.demo.walls import make_wall
from fanfare.fans.actions.fields import save_field
from fanfare.fans.actions.tags import create_tag
from fanfare.fans.schemas.attributes import FieldDefinition
from fanfare.fans.topics import CONSENT_GIVEN, CONSENT_WITHDRAWN
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import also, announce, hold
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict
from fanfare.ratings.actions import update_ratings

Report = Callable[[str, float], None]
NAME = "Harbour City"
SEED = 1887
REPORT_EVERY = 500
# Campaigns are created some days before they open, and closed on the day after they end.
CAMPAIGN_LEAD = timedelta(days=4)
CLOSING_DELAY = timedelta(hours=11)
# The columns of an activity's fan and campaign.
FAN_COLUMN, CAMPAIGN_COLUMN = (COLUMNS["activities"].index(name) for name in ("fan_id", "page_tab_id"))


# The rows of the change log that the domains' own statements would have inserted.
ANNOUNCE_ACTIVITIES = f"""
    {announce(ACTIVITY_CREATED, "activities where account_id = $1", position="activity_id", at="created_at")}
"""
ANNOUNCE_CONSENTS = f"""
    {announce(CONSENT_GIVEN, "consents where account_id = $1 and is_granted", position="consent_id", at="given_at")}
    {also(CONSENT_WITHDRAWN, "consents where account_id = $1 and not is_granted", position="consent_id", at="given_at")}
"""


CLUB = "select min(business_id) from businesses where account_id = $1"


class NotEmpty(Conflict):
    """The account has fans already"""


class Filled(msgspec.Struct, frozen=True):
    """The number of rows created."""

    fans: int
    activities: int
    tags: int
    consents: int
    tickets: int


def _no_report(step: str, share: float) -> None:
    """Report nothing."""


async def create_demo(
    db: Db, fans: int, now: datetime, report: Report = _no_report, *, has_office: bool = False
) -> NewAccount:
    """Create an account with sample data and return its keys. If it fails or is killed, there is no account.

    With `has_office` also what staff set up, sent, imported and exported; imports and exports alone come after the
    account, because they read what is committed.
    """
    await load_excerpt(db, now)
    async with db.transaction() as tx:
        account = await create_account(
            tx, NAME, now - YEARS, time_zone="America/Vancouver", country_code="CA", currency="CAD"
        )
        await fill(tx, account.account_id, fans, now=now, report=report)
        await add_colleagues(tx, account.account_id, now)
        filled = await account_by_id(tx, account.account_id)
        if has_office:
            await make_messages(tx, filled, await tx.value(CLUB, filled.id), now)
            await furnish(tx, filled, now)
    if has_office:
        await make_transfers(db, filled, now)
    return account


async def fill(
    db: Db, account_id: int, fans: int = 20_000, *, now: datetime, seed: int = SEED, report: Report = _no_report
) -> Filled:
    """Fill an empty account; the same seed, number and time give the same fans, except for their ids.

    `report` gets the current step and the share of it that is done. Raises NotEmpty if the account has fans.
    """
    if await db.value("select fan_id from fans where account_id = $1 limit 1", account_id) is not None:
        raise NotEmpty
    programme = campaigns(now)
    account = await account_by_id(db, account_id)
    async with db.transaction() as tx:
        ids, shows = await _make_programme(tx, account, programme, now)
        people, timed_events = _lives(fans, now, seed, shows, report)
        positions = positions_needed(timed_events, people, programme)
        ids = ids._replace(
            fans=iter(await _next(tx, account_id, "fans_fan_id_seq", len(people))),
            positions=iter(await _next(tx, account_id, "positions", positions)),
        )
        rows = Rows(ids, people, lambda book: Loyalty(book, programme, seed))
        tables = _rows(rows, timed_events, report)
        async with tx.connection() as connection:
            for table, columns in COLUMNS.items():
                await copy_rows(connection, table, columns, tables[table], report)
        await _announce(tx, account_id, now)
        await _close(tx, ids, programme, tables["activities"], now)
        tickets = await import_tickets(tx, account_id, now, seed, report)
        await _add_what_comes_last(tx, account, now)
    await db.execute(f"analyze fan_activity, standings, sessions, tickets, ticket_events, {', '.join(COLUMNS)}")
    await _add_what_is_derived(db, account, now, report)
    activities, tags, consents = (len(tables[table]) for table in ("activities", "fan_tags", "consents"))
    return Filled(len(people), activities, tags, consents, tickets)


async def _add_what_is_derived(db: Db, account: Account, now: datetime, report: Report) -> None:
    """Compute the ratings and the members of segments."""
    while not await update_ratings(db, account, now):
        report("ratings", 0.5)
    await make_segments(db, account, now)


async def _add_what_comes_last(db: Db, account: Account, now: datetime) -> None:
    """Create what refers to fans, points and the change log."""
    await make_quests(db, account, now)
    await make_draws(db, account.id, now)
    await make_endpoint(db, account.id, now)


async def _announce(db: Db, account_id: int, now: datetime) -> None:
    """Insert what the endpoints would have written besides the rows: changes and totals."""
    await db.execute(ANNOUNCE_ACTIVITIES, account_id)
    await count_activities(db, account_id)
    for statement in (ANNOUNCE_CONSENTS, INSERT_STANDINGS, COUNT_PASSES):
        await db.execute(statement, account_id)
    await open_sessions(db, account_id, now)


def _lives(
    fans: int, now: datetime, seed: int, shows: Sequence[tuple[float, int | None]], report: Report
) -> tuple[list[DemoPerson], list[TimedEvent]]:
    """Return the people and all their events, in order of time."""
    story = Story(seed, now, campaigns(now))
    pastimes = Pastimes(seed, now.timestamp(), story.programme, shows)
    people: list[DemoPerson] = []
    timed_events: list[TimedEvent] = []
    for number, person in enumerate(Crowd(seed, now.date()).people(fans)):
        people.append(person)
        events = list(story.life(number, person))
        timed_events += events
        timed_events.extend(pastimes.life(number, person, events))
        if number % REPORT_EVERY == 0:
            report("people", number / fans)
    # The sort is stable, so that an arrival stays first.
    timed_events.sort(key=lambda timed_event: timed_event.moment)
    report("people", 1.0)
    return people, timed_events


def _rows(rows: Rows, timed_events: list[TimedEvent], report: Report) -> dict[str, list[TableRow]]:
    for number, timed_event in enumerate(timed_events):
        rows.process(timed_event)
        if number % (10 * REPORT_EVERY) == 0:
            report("lives", number / len(timed_events))
    report("lives", 1.0)
    return rows.all_tables()


async def _next(db: Db, account_id: int, sequence: str, count: int) -> list[int]:
    """Return the next numbers of a sequence, in order; positions among them are held for the transaction."""
    await hold(db, account_id)
    numbers: list[int] = await db.value(
        "select array(select nextval($1::regclass) from generate_series(1, $2::bigint))", sequence, count
    )
    return numbers


async def _make_programme(
    db: Db, account: Account, programme: list[DemoCampaign], now: datetime
) -> tuple[Ids, list[tuple[float, int | None]]]:
    """Create what fans take part in, with creation dates in the past; return the times of the shows as well."""
    began, account_id = now - YEARS, account.id
    businesses = [await create_business(db, account_id, _business(business), began) for business in BUSINESSES]
    for field in FIELDS:
        await save_field(db, account_id, _field(field), began)
    tags = [await create_tag(db, account_id, tag.name, began) for tag in TAGS]
    page_tab_ids = [
        await create_campaign(
            db, account_id, _campaign(each, businesses, now), min(each.starts_at - CAMPAIGN_LEAD, now)
        )
        for each in programme
    ]
    idols = await make_idols(db, account_id, now)
    sets = await make_sets(db, account_id, idols, now)
    shows = await make_performances(db, account_id, businesses, now)
    points = await make_points(db, account_id, now)
    await make_polls(db, account_id, now)
    await make_products(db, account, now)
    await make_ads(db, account, businesses[0], now, SEED)
    await make_trackers(db, account, now, SEED)
    await make_wall(db, account, now, SEED)
    await make_reports(db, account, businesses[0], page_tab_ids[0], now)
    sections = await make_sections(db, account_id, page_tab_ids, festivals(programme))
    parts = idols, [each[0] for each in sets], [show.performance_uid for show in shows], points, sections
    moments: list[tuple[float, int | None]] = [(moment, None) for _, moment in sets]
    moments += [(show.moment, show.business) for show in shows]
    return Ids(account_id, businesses, page_tab_ids, tags, *parts, iter(()), iter(())), moments


def _field(field: DemoField) -> FieldDefinition:
    return FieldDefinition(
        crm_field_key=field.key, field_type=field.field_type, field_options=list(field.options), is_global=True
    )


def _business(business: DemoBusiness) -> NewBusiness:
    site = f"https://{business.slug}.example.com"
    return NewBusiness(
        business_name=business.name,
        legal_rules=f"{site}/rules",
        legal_terms=f"{site}/terms",
        legal_privacy=f"{site}/privacy",
        media_map={"logo": f"{site}/logo.png"},
        style_props={"primary_color": business.color},
    )


def _campaign(campaign: DemoCampaign, businesses: list[int], now: datetime) -> NewCampaign:
    return NewCampaign(
        title=campaign.title,
        app_type=campaign.app_type,
        business_id=businesses[campaign.business],
        is_active=campaign.ends_at > now,
        is_scheduled=campaign.ends_at > now,
        start_timestamp=campaign.starts_at,
        end_timestamp=campaign.ends_at,
        timezone="America/Vancouver",
        props={"entries_per_fan": 1 if campaign.is_once else None},
    )


async def _close(db: Db, ids: Ids, programme: list[DemoCampaign], activities: list[TableRow], now: datetime) -> None:
    """Close campaigns that have ended; a sweepstakes with entries has a winner."""
    entrants: dict[object, list[int]] = defaultdict(list)
    for row in activities:
        entrants[row[CAMPAIGN_COLUMN]].append(cast("int", row[FAN_COLUMN]))
    for page_tab_id, campaign in zip(ids.campaigns, programme, strict=True):
        if campaign.ends_at > now:
            continue
        fans = entrants[page_tab_id]
        has_winner = campaign.app_type == "sweepstakes" and fans
        winner = fans[len(fans) // 3] if has_winner else None
        closing = CampaignClosing(page_tab_id=page_tab_id, winner_fan_id=winner)
        await close_campaign(db, ids.account_id, closing, min(campaign.ends_at + CLOSING_DELAY, now))
