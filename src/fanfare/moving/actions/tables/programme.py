"""The programme: idols, their events, and performances."""

from collections.abc import Sequence

from fanfare.idols.actions.idols import IdolNameTaken, create_idol, save_idol_event
from fanfare.idols.schemas import NewIdol, NewIdolEvent
from fanfare.kernel.data.db import Db
from fanfare.moving.actions.counts import length_of
from fanfare.moving.actions.rows import earlier, picked, saved
from fanfare.moving.actions.state import Move, Table, own_ids
from fanfare.moving.schemas import Outcome, Page, Row
from fanfare.performances.actions.performances import create_performance
from fanfare.performances.schemas.performances import NewPerformance

IDOL = (
    "idol_name", "idol_type", "spotify_uid", "artist_id", "discovery_id", "description", "image_url", "link_url",
    "spotify_follower_count",
)  # fmt: skip
EVENT = (
    "start_timestamp", "end_timestamp", "event_name", "venue_name", "display_venue_name", "city", "province",
    "country_code", "event_url", "ticket_url", "label_name", "image_url",
)  # fmt: skip
PERFORMANCE = (
    "performance_name", "performance_date", "onsale_date", "announce_date", "fb_ad_account_id", "venue_uid", "promoter",
    "artist_name", "campaign_event_key", "performance_url", "status", "buying_group", "notes", "performance_group_name",
    "fb_event_id", "label_name", "additional_artist_names", "outlet", "vendor", "venue_name", "display_venue_name",
    "city", "province", "country_code",
)  # fmt: skip


async def read_idols(move: Move, _: str | None) -> Page:
    """Return all idols."""
    return Page(await move.source.get("/api/v1/idols"), None)


async def write_idols(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Create idols; one of the same name here is the same."""
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["idol_uid"]))
        outcomes.append(outcome)

        async def create(tx: Db, new: NewIdol) -> str:
            try:
                async with tx.transaction() as inner:
                    return str(await create_idol(inner, move.account.id, new, move.now()))
            except IdolNameTaken:
                sql = "select idol_uid from idols where account_id = $1 and fold_text(idol_name) = fold_text($2)"
                return str(await tx.value(sql, move.account.id, new.idol_name))

        fields = {**picked(row, *IDOL), "label_names": row.get("idol_labels") or None}
        if fields.get("idol_type") == "artist" and not fields.get("spotify_uid"):
            fields["idol_type"] = "other"
            outcome.note("idol_type is other here: an artist has a spotify_uid")
        await saved(db, NewIdol, fields, outcome, create)
    return outcomes


async def read_performances(move: Move, _: str | None) -> Page:
    """Return all performances."""
    return Page(await move.source.get("/api/v1/performances"), None)


async def write_performances(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Create performances."""
    businesses = await own_ids(move, db, "businesses", [row.get("business_id") for row in rows])
    campaigns = await own_ids(move, db, "campaigns", [row.get("referral_page_tab_id") for row in rows])
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["performance_uid"]))
        outcomes.append(outcome)

        async def create(tx: Db, new: NewPerformance, row: Row = row) -> str:
            moment = earlier(move.now(), row.get("creation_timestamp"))
            return str(await create_performance(tx, move.account.id, new, moment))

        fields = picked(row, *PERFORMANCE)
        fields["business_id"] = businesses.get(str(row.get("business_id")))
        fields["referral_page_tab_id"] = campaigns.get(str(row.get("referral_page_tab_id")))
        await saved(db, NewPerformance, fields, outcome, create)
    return outcomes


async def read_idol_events(move: Move, _: str | None) -> Page:
    """Return all events of idols."""
    return Page(await move.source.get("/api/v1/idols/events"), None)


async def write_idol_events(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Create events of idols."""
    idols = await own_ids(move, db, "idols", [row["idol_uid"] for row in rows])
    performances = await own_ids(move, db, "performances", [row.get("performance_uid") for row in rows])
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["event_uid"]))
        outcomes.append(outcome)

        async def create(tx: Db, new: NewIdolEvent) -> str:
            return str(await save_idol_event(tx, move.account.id, new, move.now()))

        fields = {**picked(row, *EVENT), "is_available": row.get("is_available")}
        fields["idol_uid"] = idols.get(str(row["idol_uid"]))
        fields["performance_uid"] = performances.get(str(row.get("performance_uid")))
        await saved(db, NewIdolEvent, fields, outcome, create)
    return outcomes


IDOLS = Table(
    name="idols",
    key=lambda row: str(row["idol_uid"]),
    read=read_idols,
    write=write_idols,
    here="select idol_uid::text from idols where account_id = $1",
    count=length_of("/api/v1/idols"),
    fields=frozenset({*IDOL, "idol_uid", "idol_labels"}),
    left_out={"account_id": "is repeated", "media_uid": "names a file that no call gives"},
)
PERFORMANCES = Table(
    name="performances",
    key=lambda row: str(row["performance_uid"]),
    read=read_performances,
    write=write_performances,
    here="select performance_uid::text from performances where account_id = $1",
    count=length_of("/api/v1/performances"),
    fields=frozenset({*PERFORMANCE, "performance_uid", "business_id", "referral_page_tab_id", "creation_timestamp"}),
    left_out={
        "account_id": "is repeated",
        "is_valid_idol": "is computed here",
        "metro_area": "follows from the place",
        "point_uid": "is set here",
    },
)
IDOL_EVENTS = Table(
    name="idol_events",
    key=lambda row: str(row["event_uid"]),
    read=read_idol_events,
    write=write_idol_events,
    here="select event_uid::text from idol_events where account_id = $1",
    fields=frozenset({*EVENT, "event_uid", "idol_uid", "performance_uid", "is_available"}),
    left_out={
        **dict.fromkeys(("account_id", "idol_event_uid", "start_date", "start_time", "end_time"), "is repeated"),
        **dict.fromkeys(("idol_name", "idol_image_url"), "is in idols"),
        "media_uid": "names a file that no call gives",
    },
)
