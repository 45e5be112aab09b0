"""Registrations and scans at gates."""

from collections.abc import Sequence
from datetime import date

from fanfare.kernel.data.db import Db
from fanfare.moving.actions.erasures import rows_of_people
from fanfare.moving.actions.places import list_place, next_place
from fanfare.moving.actions.rows import dated, moment, picked, saved
from fanfare.moving.actions.state import Move, Table, own_ids
from fanfare.moving.actions.tables.full_days import (
    REGISTRATIONS_LIMIT,
    REGISTRATIONS_PATH,
    registration_key,
    registrations_of_day,
)
from fanfare.moving.actions.tables.sales import source_networks
from fanfare.moving.actions.windows import BEGIN, Windows, last_day, read_days
from fanfare.moving.gateways import Answer
from fanfare.moving.schemas import Outcome, Page, Row
from fanfare.registrations.actions.registrations import save_registration
from fanfare.registrations.actions.scans import record_scans
from fanfare.registrations.schemas.registrations import NewRegistration
from fanfare.registrations.schemas.scans import ScanItem

REGISTRATION = (
    "first_name", "last_name", "event_name", "event_date", "email", "registration_key", "network", "phone",
    "venue_name", "barcode", "lookup_id", "event_key", "ticket_key", "is_minor", "birth_date", "country_code",
    "province", "city", "postal_code", "address", "is_preferred", "order_key",
)  # fmt: skip
SCAN = (
    "scan_group_name", "network", "is_success", "access_mode", "site_name", "site_id", "node_name", "zone_name",
    "registration_key", "ticket_order_key", "barcode", "event_key", "event_name", "event_date", "venue_name",
)  # fmt: skip


async def read_registrations(move: Move, cursor: str | None) -> Page:
    """Return the registrations of the next days."""

    async def read(move: Move, first: date, last: date, place: str | None) -> Answer:
        limit = REGISTRATIONS_LIMIT
        return await move.source.rows(REGISTRATIONS_PATH, start_date=first, end_date=last, limit=limit, cursor=place)

    return await read_days(move, cursor, Windows(REGISTRATIONS_LIMIT, read, registrations_of_day))


async def write_registrations(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Store registrations of their fans. Their flags are those of the fans, so they are not written."""
    activities = await own_ids(move, db, "activities", [row.get("activity_id") for row in rows])
    outcomes = [Outcome(registration_key(row)) for row in rows]
    for row, fan_id, outcome in await rows_of_people(move, db, rows, outcomes):

        async def save(tx: Db, new: NewRegistration, row: Row = row) -> str:
            moments = [each for name in TIMES if (each := moment(row.get(name)))]
            await save_registration(tx, move.account, new, min([max(moments), move.now()]) if moments else move.now())
            return f"{new.network}:{new.registration_key}"

        fields = picked(row, *REGISTRATION)
        fields["registration_timestamp"] = dated(outcome, move.now(), row.get("registration_timestamp")).isoformat()
        fields["fan_id"] = fan_id
        fields["activity_id"] = activities.get(str(row.get("activity_id")))
        await saved(db, NewRegistration, fields, outcome, save)
    return outcomes


TIMES = ("registration_timestamp", "creation_timestamp")


async def read_scans(move: Move, cursor: str | None) -> Page:
    """Return the next scans; the cursor is a group, a network, and the key of a page."""
    pairs = [(group, network) for group in sorted(move.options.scan_groups) for network in await source_networks(move)]
    place = list_place(cursor, pairs)
    if place is None:
        return Page([], None)
    group, network = place.names
    answer = await move.source.get(
        "/api/v1/crm/registrations/scans",
        scan_group_name=group,
        network=network,
        start_date=BEGIN,
        end_date=last_day(move),
        next_scan_key=place.key,
    )
    # Each answer has it: without one the other scans would be missing and nobody would know.
    following = str(answer["meta"]["next_scan_key"]) if answer["data"] else place.key
    return Page(answer["data"], next_place(place, following if following != place.key else None, pairs))


async def write_scans(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Store scans with the verdict of the gate."""
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["scan_key"]))
        outcomes.append(outcome)

        async def record(tx: Db, scan: ScanItem) -> str:
            result = await record_scans(tx, move.account, [scan], move.now())
            return str(result.data[0].scan_key)

        fields = {**picked(row, *SCAN), "is_success": row.get("is_success") is not False}
        fields["source_key"] = f"moved-{row['scan_key']}"
        fields["scan_timestamp"] = dated(outcome, move.now(), row.get("scan_timestamp")).isoformat()
        await saved(db, ScanItem, fields, outcome, record)
        if row.get("refusal"):
            outcome.note("has no reason of its refusal here")
    return outcomes


REGISTRATIONS = Table(
    name="registrations",
    key=registration_key,
    read=read_registrations,
    write=write_registrations,
    here="select (network || ':' || registration_key) from registrations where account_id = $1",
    fields=frozenset({*REGISTRATION, *TIMES, "fan_id", "activity_id"}),
    left_out={
        "account_id": "is repeated",
        "performance_uid": "follows from the event",
        **dict.fromkeys(("is_subscribed", "is_phone_subscribed"), "is in fans"),
    },
    has_changes=True,
    fan_fields=("fan_id",),
)
SCANS = Table(
    name="scans",
    key=lambda row: str(row["scan_key"]),
    read=read_scans,
    write=write_scans,
    here="select scan_key::text from scans where account_id = $1",
    fields=frozenset({*SCAN, "scan_key", "scan_timestamp", "refusal"}),
    left_out={
        "account_id": "is repeated",
        **dict.fromkeys(
            (
                "fan_id", "first_name", "last_name", "email", "phone", "country_code", "province", "postal_code",
                "registration_timestamp",
            ),
            "is in registrations",
        ),
    },
)  # fmt: skip
