"""The gates of an event: live figures, the log of scans, and a pass that is checked in by hand."""

from datetime import UTC, date, datetime, timedelta

from fanfare.console.schemas.tickets import CheckInForm, GatesPage
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.console.shell.links import path_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.charts import BarChart, Point, bar_chart
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.wire.times import day_of
from fanfare.kernel.wire.zones import zone_of
from fanfare.registrations.actions.by_hand import check_in_at_event
from fanfare.registrations.queries.gates import event_gates, event_scans, last_hour
from fanfare.registrations.schemas.gates import Arrivals, EventGates, EventScanQuery, LastHour
from fanfare.registrations.schemas.scans import ScanSaved
from fanfare.staff.schemas.members import Member
from fanfare.tickets.queries.event_lists import one_event

TEMPLATES = "console/templates/tickets"
# Refusals beside the live figures.
LAST_REFUSALS = 6
# Gates open some days before the event, and festivals last some days: then figures are updated.
NEAR = timedelta(days=4)
LIVE_MINUTES, MINUTE = 60, 60
# What happened to a pass, by the refusal of its scan; a text of the catalogues.
REFUSALS = {
    "pass_already_used": "Not let in: the pass was used before.",
    "pass_cancelled": "Not let in: the pass was cancelled.",
    "pass_transferred": "Not let in: the pass was transferred and has another code.",
    "pass_of_another_event": "Not let in: the pass is not for this event.",
    "unknown_pass": "Not let in: no pass has this code.",
    "ambiguous_code": "Not let in: a pass and a registration of this event both have this code.",
}


@manage.get("/tickets/{event_uid}/gates", area="tickets")
async def event_gates_live(db: Db, member: Member, visit: Visit, query: GatesPage, now: datetime) -> View:
    """Show the last hour at the gates, updated by itself around the day of the event; the whole event comes after."""
    account = member.account
    event = await one_event(db, account.id, query.event_uid, business_ids=member.business_ids)
    live = await last_hour(db, account.id, query.event_uid, now)
    refused = EventScanQuery(event_uid=query.event_uid, is_refused=True, limit=LAST_REFUSALS)
    values = {
        "event": event,
        "live": live,
        "live_chart": _live_chart(visit.language, account.time_zone, live, now),
        "refusals": (await event_scans(db, account.id, refused)).data,
        "is_near": live.is_live or _is_near(event.event_date, now, account.time_zone),
        "is_paused": query.is_paused,
        "at_gate": query.at_gate or "",
        "path": path_of(member, f"/tickets/{query.event_uid}/gates"),
        "has_figures": query.has_figures,
    }
    if query.has_figures:
        gates = await event_gates(db, account.id, query.event_uid, now)
        values |= {"gates": gates, "chart": _chart(visit.language, account.time_zone, gates)}
    return View(f"{TEMPLATES}/gates.html", values)


def _is_near(day: date, now: datetime, zone: str) -> bool:
    return abs(day_of(now, zone) - day) <= NEAR


def _live_chart(language: Language, zone: str, live: LastHour, now: datetime) -> BarChart:
    """Return entries by minute of the last hour, so that no bar moves but by the minute."""
    counts = {each.timestamp: each.entry_count for each in live.arrivals}
    first = int(now.timestamp()) // MINUTE * MINUTE - (LIVE_MINUTES - 1) * MINUTE
    moments = range(first, first + LIVE_MINUTES * MINUTE, MINUTE)
    return bar_chart([_point(language, zone, moment, counts.get(moment, 0), is_long=False) for moment in moments])


def _chart(language: Language, zone: str, gates: EventGates) -> BarChart:
    """Return entries over the whole event."""
    counts = {each.timestamp: each.entry_count for each in gates.arrivals}
    moments = _moments(gates.arrivals, gates.seconds)
    is_long = bool(moments) and moments[-1] - moments[0] > timedelta(days=1).total_seconds()
    return bar_chart([_point(language, zone, moment, counts.get(moment, 0), is_long=is_long) for moment in moments])


def _moments(arrivals: list[Arrivals], seconds: int) -> range:
    return range(arrivals[0].timestamp, arrivals[-1].timestamp + 1, seconds) if arrivals else range(0)


def _point(language: Language, zone: str, timestamp: int, count: int, *, is_long: bool) -> Point:
    local = datetime.fromtimestamp(timestamp, UTC).astimezone(zone_of(zone))
    name = f"{local:%H:%M}" if not is_long else f"{language.short_day(local.date())}, {local:%H:%M}"
    return Point(name, count, f"{name}: {language.number(count)}")


@manage.post("/tickets/{event_uid}/gates", area="tickets")
async def event_check_in(db: Db, member: Member, visit: Visit, form: CheckInForm, now: datetime) -> Redirect:
    """Check a pass in by hand."""
    event = await one_event(db, member.account.id, form.event_uid, business_ids=member.business_ids)
    scan = await check_in_at_event(db, member.account, event, form.pass_code, form.gate_name, now)
    say_result(visit, scan, form.pass_code, form.gate_name)
    return Redirect(path_of(member, f"/tickets/{form.event_uid}/gates", at_gate=form.gate_name))


def say_result(visit: Visit, scan: ScanSaved, code: str, gate_name: str) -> None:
    """Say on the next page whether the holder of a pass was let in, or why not."""
    if scan.is_success:
        flash(visit, "Let in: %(code)s at %(gate)s.", {"code": code, "gate": gate_name})
    else:
        flash(visit, REFUSALS.get(scan.refusal or "", "Not let in."), kind="bad")


@manage.get("/tickets/{event_uid}/scans", area="tickets")
async def event_scan_log(db: Db, member: Member, query: EventScanQuery) -> View:
    """Show the scans of an event, the last stored first, with why each was refused."""
    event = await one_event(db, member.account.id, query.event_uid, business_ids=member.business_ids)
    page = await event_scans(db, member.account.id, query)
    path, keys = f"/tickets/{query.event_uid}/scans", {"gate_name": query.gate_name}
    values = {
        "event": event,
        "scans": page.data,
        "query": query,
        "mask": member.mask("tickets"),
        "paths": {
            "all": path_of(member, path, **keys),
            "refused": path_of(member, path, **keys, is_refused=True),
            "whole": path_of(member, path),
            "further": path_of(
                member, path, **keys, is_refused=query.is_refused, max_scan_key=page.meta.min_scan_key
            ) if page.meta.has_more else "",
        },
    }  # fmt: skip
    return View(f"{TEMPLATES}/scans.html", values)
