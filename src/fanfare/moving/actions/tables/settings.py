"""What an account is set up with: businesses, custom fields, campaigns and their winners, trackers."""

from collections.abc import Sequence
from typing import Any

from fanfare.accounts.actions import BusinessNameTaken, create_business
from fanfare.accounts.schemas import NewBusiness
from fanfare.campaigns.actions.campaigns import CampaignTitleTaken, close_campaign, create_campaign
from fanfare.campaigns.schemas.campaigns import CampaignClosing, NewCampaign
from fanfare.fans.actions.fields import save_field
from fanfare.fans.schemas.attributes import FieldDefinition
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.moving.actions.counts import length_of
from fanfare.moving.actions.rows import earlier, picked, saved
from fanfare.moving.actions.state import Move, Table, fan_ids, id_there, own_ids
from fanfare.moving.gateways import RefusedCall
from fanfare.moving.schemas import Outcome, Page, Row
from fanfare.trackers.actions.trackers import create_tracker
from fanfare.trackers.queries.hosts import shared_host
from fanfare.trackers.schemas.trackers import NewTracker

BUSINESS = (
    "business_name", "legal_rules", "legal_terms", "legal_privacy", "media_map", "scheduler_props", "locale_props",
    "style_props",
)  # fmt: skip
CAMPAIGN = (
    "app_type", "stream_key", "is_active", "is_scheduled", "live_status", "media_map", "props", "locale_props",
    "style_props", "links_map", "timezone", "start_timestamp", "end_timestamp",
)  # fmt: skip
TRACKER = (
    "target_url", "tracker_name", "tracker_group_name", "network", "tracker_key", "purchase_event_wildcard",
    "tracker_marketing_group_name", "expiration_timestamp", "is_click_id_passed",
)  # fmt: skip


# In place of the details of a campaign that the source does not give.
NO_DETAILS = "has_no_details"
TRACKERS_LIMIT = 500


async def read_businesses(move: Move, _: str | None) -> Page:
    """Return all businesses."""
    return Page(await move.source.get("/api/v1/businesses"), None)


async def write_businesses(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Create businesses; one of the same name here is the same."""
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["business_id"]))
        outcomes.append(outcome)

        async def create(tx: Db, new: NewBusiness, row: Row = row) -> int:
            try:
                async with tx.transaction() as inner:
                    moment = earlier(move.now(), row.get("creation_timestamp"))
                    return await create_business(inner, move.account.id, new, moment)
            except BusinessNameTaken:
                business_id: int = await tx.value(
                    "select business_id from businesses"
                    " where account_id = $1 and fold_text(business_name) = fold_text($2)",
                    move.account.id,
                    new.business_name,
                )
                return business_id

        await saved(db, NewBusiness, picked(row, *BUSINESS), outcome, create)
    return outcomes


async def read_fields(move: Move, _: str | None) -> Page:
    """Return all custom fields."""
    return Page(await move.source.get("/api/v1/crm/fields"), None)


async def write_fields(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Define custom fields; a type that is not there is text."""
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["crm_field_key"]))
        outcomes.append(outcome)

        async def save(tx: Db, new: FieldDefinition, row: Row = row) -> str:
            await save_field(tx, move.account.id, new, earlier(move.now(), row.get("creation_timestamp")))
            return new.crm_field_key

        # Values are written while it is moved, also those of a field that is not used any more.
        fields = {**picked(row, "crm_field_key", "field_type", "field_options"), "is_global": row.get("is_global")}
        await saved(db, FieldDefinition, fields, outcome, save)
        if outcome.own_id is None:
            await saved(db, FieldDefinition, {**fields, "field_type": "text"}, outcome, save)
        if row.get("is_active") is False:
            outcome.note("is active here, so that its values could be moved")
    return outcomes


async def read_campaigns(move: Move, _: str | None) -> Page:
    """Return all campaigns, bundles last: as the CRM and a site list them, with the details of each."""
    pages = {row["page_tab_id"]: row for row in await move.source.get("/api/v1/campaigns")}
    rows = []
    for row in await move.source.get("/api/v1/crm/campaigns"):
        page_tab_id = row["page_tab_id"]
        rows.append({**await _details(move, page_tab_id), **pages.get(page_tab_id, {}), **row})
    return Page(sorted(rows, key=lambda row: (bool(row.get("page_tab_ids")), row["page_tab_id"])), None)


async def _details(move: Move, page_tab_id: object) -> dict[str, Any]:
    try:
        result = await move.source.get(f"/api/v1/campaigns/{page_tab_id}", include_details="true")
    except RefusedCall:
        result = None
    return dict(result) if isinstance(result, dict) else {NO_DETAILS: True}


async def write_campaigns(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Create campaigns; a custom one of the same title here is the same."""
    businesses = await own_ids(move, db, "businesses", [row.get("business_id") for row in rows])
    result: dict[str, Outcome] = {}
    for row in rows:
        outcome = Outcome(str(row["page_tab_id"]))
        members = {**await own_ids(move, db, "campaigns", row.get("page_tab_ids") or ())}
        members |= {key: each.own_id for key, each in result.items()}
        result[outcome.foreign_id] = outcome
        fields = {"title": row.get("title") or row.get("name"), **picked(row, *CAMPAIGN)}
        fields |= {name: row[name] for name in ("is_active", "is_scheduled") if isinstance(row.get(name), bool)}
        if business := businesses.get(str(row.get("business_id"))):
            fields["business_id"] = business
        fields["page_tab_ids"] = [
            member for each in row.get("page_tab_ids") or () if (member := members.get(str(each)))
        ]
        await saved(db, NewCampaign, fields, outcome, _campaign_maker(move, row))
        if row.get(NO_DETAILS):
            outcome.note("the source did not give its details: props, times and members may be missing")
        if row.get("app_type") == "quest":
            outcome.note("its quest is not moved")
        if row.get("items"):
            outcome.note("its items are not moved: their call has no documented form")
    return list(result.values())


def _campaign_maker(move: Move, row: Row) -> Any:  # noqa: ANN401 - an action
    async def create(tx: Db, new: NewCampaign) -> int:
        try:
            async with tx.transaction() as inner:
                moment = earlier(move.now(), row.get("creation_timestamp"))
                return await create_campaign(inner, move.account.id, new, moment)
        except CampaignTitleTaken:
            page_tab_id: int = await tx.value(
                "select page_tab_id from campaigns"
                " where account_id = $1 and app_type = 'custom' and fold_text(title) = fold_text($2)",
                move.account.id,
                new.title,
            )
            return page_tab_id

    return create


async def read_winners(move: Move, _: str | None) -> Page:
    """Return the campaigns that have a winner."""
    rows = await move.source.get("/api/v1/crm/campaigns")
    return Page([row for row in rows if row.get("winner_fan_id")], None)


async def write_winners(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Close campaigns with their winners."""
    fans = await fan_ids(move, db, [row["winner_fan_id"] for row in rows])
    campaigns = await own_ids(move, db, "campaigns", [row["page_tab_id"] for row in rows])
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["page_tab_id"]))
        outcomes.append(outcome)

        async def close(tx: Db, closing: CampaignClosing) -> int:
            return await close_campaign(tx, move.account.id, closing, move.now())

        fan_id, page_tab_id = fans.get(id_there(row["winner_fan_id"])), campaigns.get(str(row["page_tab_id"]))
        if fan_id is None or page_tab_id is None:
            outcome.note("the fan or the campaign is not here")
        else:
            fields = {"page_tab_id": page_tab_id, "winner_fan_id": fan_id}
            await saved(db, CampaignClosing, fields, outcome, close)
    return outcomes


async def read_trackers(move: Move, _: str | None) -> Page:
    """Return the trackers that the source lists: the last 500."""
    return Page(await move.source.get("/api/v1/trackers"), None)


async def write_trackers(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Create trackers with their keys; one whose domain is not confirmed here redirects on the operator's."""
    outcomes = []
    campaigns = await own_ids(move, db, "campaigns", [row.get("page_tab_id") for row in rows])
    for row in rows:
        outcome = Outcome(str(row["tracker_id"]))
        outcomes.append(outcome)

        async def create(tx: Db, new: NewTracker, row: Row = row, outcome: Outcome = outcome) -> int:
            moment = earlier(move.now(), row.get("creation_timestamp"))
            try:
                return (await create_tracker(tx, move.account.id, new, moment)).tracker_id
            except BadParameters as wrong:
                if [name for name, _ in wrong.errors] != ["virtual_domain"]:
                    raise
            outcome.note(f"redirects on {shared_host()}: its domain there is not confirmed for this account")
            new.virtual_domain = shared_host()
            return (await create_tracker(tx, move.account.id, new, moment)).tracker_id

        # Nothing else than these, whatever the source has there.
        utm = {name: value for name, value in (row.get("utm_params") or {}).items() if name.startswith("utm_")}
        fields = {**picked(row, *TRACKER), **utm}
        fields |= {"virtual_domain": row.get("virtual_domain") or shared_host()}
        fields |= {"page_tab_id": campaigns.get(str(row.get("page_tab_id")))}
        await saved(db, NewTracker, fields, outcome, create)
        if row.get("is_password_required"):
            outcome.note("has no password here: the source does not tell it")
    return outcomes


BUSINESSES = Table(
    name="businesses",
    key=lambda row: str(row["business_id"]),
    read=read_businesses,
    write=write_businesses,
    here="select business_id::text from businesses where account_id = $1",
    count=length_of("/api/v1/businesses"),
    fields=frozenset({*BUSINESS, "business_id", "creation_timestamp"}),
    left_out={"account_id": "is repeated"},
)
FIELDS = Table(
    name="fields",
    key=lambda row: str(row["crm_field_key"]),
    read=read_fields,
    write=write_fields,
    here="select crm_field_key from crm_fields where account_id = $1",
    count=length_of("/api/v1/crm/fields"),
    fields=frozenset({"crm_field_key", "field_type", "field_options", "is_active", "is_global", "creation_timestamp"}),
    left_out={"account_id": "is repeated", "fan_count": "is computed here"},
)
CAMPAIGNS = Table(
    name="campaigns",
    key=lambda row: str(row["page_tab_id"]),
    read=read_campaigns,
    write=write_campaigns,
    here="select page_tab_id::text from campaigns where account_id = $1",
    count=length_of("/api/v1/crm/campaigns"),
    fields=frozenset(
        {
            *CAMPAIGN,
            "page_tab_id",
            "title",
            "name",
            "business_id",
            "page_tab_ids",
            "items",
            "creation_timestamp",
            NO_DETAILS,
        }
    ),
    left_out={"account_id": "is repeated", "winner_fan_id": "is moved as a table of its own"},
)
WINNERS = Table(
    name="winners",
    key=lambda row: str(row["page_tab_id"]),
    read=read_winners,
    write=write_winners,
    here="select page_tab_id::text from campaigns where account_id = $1",
    fields=frozenset({"page_tab_id", "winner_fan_id"}),
    left_out=dict.fromkeys(
        ("account_id", "title", "stream_key", "app_type", "is_active", "creation_timestamp"), "is in campaigns"
    ),
    fan_fields=("winner_fan_id",),
)
TRACKERS = Table(
    name="trackers",
    key=lambda row: str(row["tracker_id"]),
    read=read_trackers,
    write=write_trackers,
    here="select tracker_id::text from trackers where account_id = $1",
    fields=frozenset(
        {*TRACKER, "tracker_id", "virtual_domain", "page_tab_id", "utm_params", "is_password_required",
         "creation_timestamp"}
    ),
    left_out={
        **dict.fromkeys(("account_id", "creation_timestamp_iso", "tracker_url"), "is repeated"),
        **dict.fromkeys(
            (
                "attributed_purchase_count", "attributed_purchase_amount", "total_tracker_click_count",
                "other_currency_amounts", "click_counts",
            ),
            "are figures of the past: clicks are not moved",
        ),
    },
    limit=TRACKERS_LIMIT,
)  # fmt: skip
