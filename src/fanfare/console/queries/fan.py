"""Reads what the page of a fan shows, as the person may see it: limited to businesses, masked."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import msgspec

from fanfare.accounts.queries import businesses
from fanfare.accounts.schemas import Business
from fanfare.console.schemas.fan import VIEWS, Day, Profile, ProfileQuery, Reach, TimelinePage
from fanfare.fans.queries import attributes
from fanfare.fans.schemas.attributes import Consent
from fanfare.fans.schemas.fans import Fan
from fanfare.idols.queries import fan_idols
from fanfare.idols.schemas import FanIdolQuery
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.wire.zones import zone_of
from fanfare.performances.queries.performances import schedule
from fanfare.performances.schemas.performances import ScheduleQuery
from fanfare.points.queries.points import balances
from fanfare.profiles.queries.figures import fan_segments, figures
from fanfare.profiles.queries.restrictions import restrictions
from fanfare.profiles.queries.timeline import timeline
from fanfare.profiles.schemas import TimelineEntry, TimelineQuery
from fanfare.ratings.queries import rating_parts
from fanfare.sessions.queries.sessions import fan_sessions
from fanfare.staff.schemas.members import Member

ROWS, LATEST = 30, 6
# What a masked entry may show: choices, days and ids that say nothing of a person.
PLAIN = frozenset({
    "channel", "consent_source", "device_network", "event_date", "gate_name", "merged_fan_id", "message_state",
    "network", "node_name", "price_code", "record_status", "refusal", "tracker_id", "venue_name", "zone_name",
})  # fmt: skip


async def fan_profile(db: Db, member: Member, fan: Fan, now: datetime) -> Profile:
    """Return what the page of a fan shows beside the record and the timeline."""
    account, fan_id = member.account, fan.fan_id
    mask, is_limited = member.mask("fans"), member.is_limited
    visible = [each for each in await businesses(db, account.id) if member.sees_business(each.business_id)]
    consents = await visible_consents(db, member, fan_id)
    shows = (await schedule(db, account.id, ScheduleQuery(fan_id=fan_id))).performances
    sessions = await fan_sessions(db, account.id, fan_id, now)
    numbers = None if is_limited else await figures(db, account.id, fan_id)
    profile = Profile(
        figures=numbers,
        birth_day=date.fromisoformat(fan.birth_date) if fan.birth_date and not mask.is_on else None,
        last_active_day=_day(account, numbers.last_active_timestamp) if numbers else None,
        rating=await rating_parts(db, account, fan_id, now),
        reach=_reach(fan, visible, consents),
        consents=consents,
        identifiers=await attributes.identifiers(db, account.id, fan_id),
        idols=await fan_idols(db, account.id, FanIdolQuery(fan_id=fan_id)),
        segments=await fan_segments(db, account.id, fan_id),
        balances=[] if is_limited else await balances(db, account.id, fan_id),
        performances=[each for each in shows if member.sees_business(each.business_id)],
        tickets=await _latest(db, member, fan_id, "ticket"),
        purchases=await _latest(db, member, fan_id, "purchase"),
        passes=await _latest(db, member, fan_id, "pass"),
        sessions=[each for each in sessions if member.sees_business(each.business_id)],
        devices=[] if is_limited else await attributes.push_tokens(db, account.id, fan_id),
        restrictions=await restrictions(db, account.id, fan_id),
        businesses={each.business_id: each.business_name for each in visible},
    )
    return mask.record(profile, "wording")


async def visible_consents(db: Db, member: Member, fan_id: int) -> list[Consent]:
    """Return the consents of a fan, the oldest first: those to businesses that the person sees, and to none."""
    ledger = await attributes.consents(db, member.account.id, fan_id)
    return [each for each in ledger if each.business_id is None or member.sees_business(each.business_id)]


def _day(account: Account, timestamp: int | None) -> date | None:
    zone = zone_of(account.time_zone)
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC).astimezone(zone).date()


async def _latest(db: Db, member: Member, fan_id: int, kind: str) -> list[TimelineEntry]:
    query = TimelineQuery(fan_id=fan_id, kinds=[kind], limit=LATEST)
    page = await timeline(db, member.account.id, query, member.business_ids)
    return [_masked(member, each) for each in page.data]


def _reach(fan: Fan, visible: Iterable[Business], consents: Iterable[Consent]) -> list[Reach]:
    """Return the channels and businesses with what the fan said of each, and the consent that decides it."""
    latest: dict[tuple[str, int | None], Consent] = {}
    for each in sorted(consents, key=lambda each: (each.given_timestamp, each.consent_id)):
        latest[each.channel, each.business_id] = each
    out = latest.get(("everything", None))

    def decisive(channel: str, business_id: int | None = None) -> Consent | None:
        entry = latest.get((channel, business_id))
        is_out = out is not None and not out.is_granted
        return out if is_out and (entry is None or entry.given_timestamp <= out.given_timestamp) else entry  # type: ignore[union-attr]

    def state(consent: Consent | None, *, is_on: bool) -> bool | None:
        return is_on if consent is not None or is_on else None

    mail, phone = decisive("email"), decisive("phone")
    return [
        Reach("email", None, state(mail, is_on=fan.is_subscribed), mail),
        Reach("phone", None, state(phone, is_on=fan.is_phone_subscribed), phone),
        *(
            Reach("business", each, state(word, is_on=each.business_id in fan.opted_in_business_ids), word)
            for each in visible
            for word in (decisive("business", each.business_id),)
        ),
    ]


async def fan_timeline(db: Db, member: Member, query: ProfileQuery, now: datetime) -> TimelinePage:
    """Return a page of a fan's timeline, by days of the account's zone."""
    view = query.view or "all"
    part = TimelineQuery(fan_id=query.fan_id, kinds=list(VIEWS[view]) or None, limit=ROWS, cursor=query.cursor)
    page = await timeline(db, member.account.id, part, member.business_ids)
    days: dict[date, list[tuple[datetime, TimelineEntry]]] = {}
    zone = zone_of(member.account.time_zone)
    for each in page.data:
        moment = datetime.fromtimestamp(each.occurrence_timestamp, UTC).astimezone(zone)
        days.setdefault(moment.date(), []).append((moment, _masked(member, each)))
    return TimelinePage(
        view, now.astimezone(zone).year, [Day(day, entries) for day, entries in days.items()], page.next_page.cursor
    )


def _masked(member: Member, entry: TimelineEntry) -> TimelineEntry:
    """Return an entry without what somebody wrote, for people without the right to personal data."""
    if not member.mask("fans").is_on:
        return entry
    details = {name: value for name, value in entry.details.items() if name in PLAIN or name.startswith("is_")}
    return msgspec.structs.replace(entry, details={} if entry.kind == "activity" else details)
