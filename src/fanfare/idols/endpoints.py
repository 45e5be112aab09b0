"""HTTP endpoints of idols, their events and the fans who follow them."""

from datetime import datetime

from fanfare.idols import queries
from fanfare.idols.actions import bulk_links, links
from fanfare.idols.actions import idols as actions
from fanfare.idols.schemas import (
    EventSearch,
    FanIdol,
    FanIdolChange,
    FanIdolPair,
    FanIdolQuery,
    FanIdolSaved,
    Followers,
    Idol,
    IdolChanges,
    IdolEvent,
    IdolEventChanges,
    IdolEventSaved,
    IdolSaved,
    IdolSearch,
    ManyFanIdols,
    ManyFanIdolsSaved,
    NewIdol,
    NewIdolEvent,
    OneIdol,
    OneIdolEvent,
)
from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.web.endpoint import endpoint


@endpoint.post("/api/v1/idols", scope="idols", key=SECRET)
async def idols_create(db: Db, account: Account, new: NewIdol, now: datetime) -> IdolSaved:
    """Add an idol (artist, sponsor, podcast, team or other); 409 when the account already has one with that name.

    An artist needs a Spotify id, every other type must not have one.
    """
    return IdolSaved(await actions.create_idol(db, account.id, new, now))


@endpoint.get("/api/v1/idols", scope="idols", key=PUBLIC, has_etag=True)
async def idols_search(db: Db, account: Account, query: IdolSearch) -> list[Idol]:
    """Search idols by name expression or label, ordered by name."""
    return await queries.idols(db, account.id, query)


@endpoint.get("/api/v1/idols/events", scope="idols", key=PUBLIC, has_etag=True)
async def idols_events_list(db: Db, account: Account, query: EventSearch) -> list[IdolEvent]:
    """Find idol events (shows, sets) by idol, venue, text, label, performance or days.

    Ordered by start. Times are the venue's local time. The response has an ETag, so a poller gets 304 while nothing
    changed.
    """
    return await queries.idol_events(db, account.id, query)


@endpoint.get("/api/v1/idols/{idol_uid}", scope="idols", key=PUBLIC, has_etag=True)
async def idols_get(db: Db, account: Account, target: OneIdol) -> Idol:
    """Return one idol by its uid."""
    return await queries.idol(db, account.id, target.idol_uid)


@endpoint.post("/api/v1/manage/idols/{idol_uid}", scope="manage", key=SECRET)
async def manage_idols_update(db: Db, account: Account, changes: IdolChanges, now: datetime) -> IdolSaved:
    """Update the fields sent of an idol; `label_names` replaces all of its labels."""
    return IdolSaved(await actions.change_idol(db, account.id, changes, now))


@endpoint.get("/api/v1/manage/idols/{idol_uid}/followers", scope="manage", key=SECRET)
async def manage_idols_followers(db: Db, account: Account, target: OneIdol) -> Followers:
    """Count the fans who follow an idol."""
    return await queries.followers(db, account.id, target.idol_uid)


@endpoint.delete("/api/v1/manage/idols/{idol_uid}", scope="manage", key=SECRET)
async def manage_idols_delete(db: Db, account: Account, target: OneIdol, now: datetime) -> bool:
    """Delete an idol with its events; its fans no longer follow it."""
    await actions.delete_idol(db, account.id, target.idol_uid, now)
    return True


@endpoint.post("/api/v1/manage/idol_events", scope="manage", key=SECRET)
async def manage_idol_events_create(db: Db, account: Account, new: NewIdolEvent, now: datetime) -> IdolEventSaved:
    """Add an event of an idol."""
    return IdolEventSaved(await actions.save_idol_event(db, account.id, new, now))


@endpoint.post("/api/v1/manage/idol_events/{event_uid}", scope="manage", key=SECRET)
async def manage_idol_events_update(
    db: Db, account: Account, changes: IdolEventChanges, now: datetime
) -> IdolEventSaved:
    """Replace an event: a field left out becomes empty."""
    return IdolEventSaved(await actions.save_idol_event(db, account.id, changes, now))


@endpoint.delete("/api/v1/manage/idol_events/{event_uid}", scope="manage", key=SECRET)
async def manage_idol_events_delete(db: Db, account: Account, target: OneIdolEvent, now: datetime) -> bool:
    """Delete an event."""
    await actions.delete_idol_event(db, account.id, target.event_uid, now)
    return True


@endpoint.get("/api/v1/crm/fans/{fan_id}/idols", scope="crm", key=SECRET)
async def crm_fan_idols_list(db: Db, account: Account, query: FanIdolQuery) -> list[FanIdol]:
    """List the idols a fan follows, optionally limited to a label or one idol."""
    return await queries.fan_idols(db, account.id, query)


@endpoint.post("/api/v1/crm/fans/{fan_id}/idols", scope="crm", key=SECRET)
async def crm_fan_idols_save(db: Db, account: Account, change: FanIdolChange, now: datetime) -> FanIdolSaved:
    """Add or remove one idol of a fan, by uid or by name."""
    return FanIdolSaved(change.fan_id, await links.change_fan_idol(db, account.id, change, now))


@endpoint.post("/api/v1/crm/idol_fans", scope="crm", key=SECRET, array_field="idol_fans")
async def crm_idol_fans_create(db: Db, account: Account, params: ManyFanIdols, now: datetime) -> ManyFanIdolsSaved:
    """Link fans to idols in bulk, at most 1000 at once.

    Every failed row is listed with its reason. A row identifies the fan by email or phone (created when new) or by
    user_key with network (which must exist), and the idol by idol_uid or idol_name (created when new).
    """
    return await bulk_links.link_many(db, account, params.idol_fans, now)


@endpoint.delete("/api/v1/crm/idol_fans", scope="crm", key=SECRET)
async def crm_idol_fans_delete(db: Db, account: Account, params: FanIdolPair, now: datetime) -> bool:
    """Remove the link between a fan and an idol; 404 when there is none."""
    if not await links.unlink_fan(db, account.id, params.fan_id, params.idol_uid, now):
        message = "The fan does not follow this idol"
        raise Unknown(message)
    return True
