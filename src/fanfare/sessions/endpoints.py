"""Sessions over HTTP: logging in, what a fan sees and changes of itself, and what an account sees and ends."""

from datetime import datetime

from fanfare.identities.schemas.identities import Identity
from fanfare.kernel.callers import PUBLIC, SECRET, Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.passkeys import queries as passkey_queries
from fanfare.passkeys.schemas.passkeys import FanPasskeys, OnePasskey, Passkey
from fanfare.points.schemas.points import Balance
from fanfare.sessions.actions import activities, connecting, opening, passkeys, profile
from fanfare.sessions.queries import businesses, lookup, sessions
from fanfare.sessions.schemas.activities import (
    Lookup,
    LookupFan,
    NewSessionActivity,
    SessionActivity,
    WifiVisit,
)
from fanfare.sessions.schemas.connect import Connect, Connection, Session
from fanfare.sessions.schemas.passkeys import (
    NewPasskey,
    PasskeyOptions,
    PasskeyOptionsRequest,
    RenamedPasskey,
    SessionPasskey,
)
from fanfare.sessions.schemas.profile import Profile, ProfileSaved
from fanfare.sessions.schemas.sessions import (
    FanSession,
    FanSessions,
    OneSession,
    SessionById,
    SessionFan,
    SessionsEnded,
    Site,
    SiteQuery,
)


@endpoint.post(
    "/api/v1/sessions/connect",
    scope="sessions",
    key=PUBLIC,
    references=connecting.references,
    prepare=connecting.identify,
    has_secret_answer=True,
)
async def sessions_connect(
    db: Db, account: Account, caller: Caller, request: Connect, now: datetime, identity: Identity | None
) -> Connection:
    """Log a fan in, or take a step towards it.

    `network` chooses the step. A finished step returns the session; otherwise `status` says what is next. 422
    (`wrong_login`) for a wrong password; 429 with Retry-After after 100 wrong ones for a fan in a day, 300 from an IP
    address in an hour, or 100 existence checks from an IP address in an hour. 503 when an identity provider does not
    respond.
    """
    return await connecting.connect(db, account, caller, request, now, identity)


@endpoint.post("/api/v1/sessions/wifi", scope="sessions", key=PUBLIC)
async def sessions_wifi(db: Db, account: Account, caller: Caller, visit: WifiVisit, now: datetime) -> bool:
    """Report a fan who authenticated elsewhere, such as in the wifi of a venue.

    The fan is found by email or created; the visit is recorded as an activity, in the campaign of activity_name.
    """
    await activities.record_wifi(db, account, caller, visit, now)
    return True


@endpoint.get("/api/v1/sessions/lookup", scope="sessions", key=SECRET)
async def sessions_lookup(db: Db, account: Account, query: Lookup) -> LookupFan:
    """Look up a fan by email or phone, to choose between signup and login; 404 when no fan has it."""
    return await lookup.lookup(db, account, query)


@endpoint.post("/api/v1/sessions/activity", scope="sessions", key=PUBLIC, references=activities.references)
async def sessions_activity_create(
    db: Db, account: Account, caller: Caller, new: NewSessionActivity, now: datetime
) -> SessionActivity:
    """Record a sign-up or another activity of a fan, with tags, idol, business opt-in and custom fields.

    The fan is found by email, then by phone, or created; empty fields are filled, nothing is overwritten. With
    is_unique_activity a second entry by the fan in the campaign is refused (409), and nothing of the call is stored.
    """
    return await activities.record_activity(db, account, caller, new, now)


@endpoint.get("/api/v1/sessions/{session_uid}", scope="sessions", key=PUBLIC)
async def sessions_get(db: Db, account: Account, target: OneSession, now: datetime) -> Session:
    """Return a session; 404 once it has ended. Reading it prolongs it."""
    return await opening.shown_session(db, account.id, target.session_uid, now)


@endpoint.delete("/api/v1/sessions/{session_uid}", scope="sessions", key=PUBLIC)
async def sessions_delete(db: Db, account: Account, target: OneSession, now: datetime) -> bool:
    """End a session: the fan logs out."""
    await opening.end_session(db, account.id, target.session_uid, now)
    return True


@endpoint.get("/api/v1/sessions/{session_uid}/fan", scope="sessions", key=PUBLIC)
async def sessions_fan_get(db: Db, account: Account, target: OneSession, now: datetime) -> SessionFan:
    """Return the fan signed in under a session; 404 once it has ended. Unknown fields are left out."""
    return await opening.session_fan(db, account.id, target.session_uid, now)


@endpoint.post("/api/v1/sessions/{session_uid}/fan", scope="sessions", key=PUBLIC, references=profile.references)
async def sessions_fan_update(
    db: Db, account: Account, caller: Caller, changes: Profile, now: datetime
) -> ProfileSaved:
    """Update the fields sent of the signed-in fan; an empty value clears a field; a field left out stays as it is.

    A new password ends the fan's other sessions. 409 when another fan has the email address or phone number.
    """
    return ProfileSaved(await profile.change_profile(db, account, caller, changes, now))


@endpoint.get("/api/v1/sessions/{session_uid}/points", scope="sessions", key=PUBLIC)
async def sessions_fan_points(db: Db, account: Account, target: OneSession, now: datetime) -> list[Balance]:
    """Return the point balances of the signed-in fan, one row for each category."""
    return await opening.balances(db, account.id, target.session_uid, now)


@endpoint.post("/api/v1/sessions/{session_uid}/passkeys/options", scope="sessions", key=PUBLIC)
async def sessions_passkeys_options(
    db: Db, account: Account, request: PasskeyOptionsRequest, now: datetime
) -> PasskeyOptions:
    """Begin to add a passkey: what the browser needs for `navigator.credentials.create`.

    403 (`guest_session`) for a guest; 409 when the fan has 20 passkeys.
    """
    return await passkeys.registration(db, account, request, now)


@endpoint.post("/api/v1/sessions/{session_uid}/passkeys", scope="sessions", key=PUBLIC)
async def sessions_passkeys_create(db: Db, account: Account, new: NewPasskey, now: datetime) -> Passkey:
    """Add the passkey that the browser made. 422 (`wrong_passkey`) unless it answers the options of this session."""
    return await passkeys.add_passkey(db, account, new, now)


@endpoint.get("/api/v1/sessions/{session_uid}/passkeys", scope="sessions", key=PUBLIC)
async def sessions_passkeys_list(db: Db, account: Account, target: OneSession, now: datetime) -> list[Passkey]:
    """List the passkeys of the signed-in fan, the oldest first."""
    return await passkeys.session_passkeys(db, account, target, now)


@endpoint.post("/api/v1/sessions/{session_uid}/passkeys/{passkey_id}", scope="sessions", key=PUBLIC)
async def sessions_passkeys_update(db: Db, account: Account, change: RenamedPasskey, now: datetime) -> bool:
    """Rename a passkey of the signed-in fan."""
    await passkeys.rename_passkey(db, account, change, now)
    return True


@endpoint.delete("/api/v1/sessions/{session_uid}/passkeys/{passkey_id}", scope="sessions", key=PUBLIC)
async def sessions_passkeys_delete(db: Db, account: Account, target: SessionPasskey, now: datetime) -> bool:
    """Remove a passkey of the signed-in fan, and end the other sessions that it opened."""
    await passkeys.remove_own(db, account, target, now)
    return True


@endpoint.get("/api/v1/status", scope="sessions", key=PUBLIC)
async def status(db: Db, account: Account, query: SiteQuery) -> Site:
    """Return the legal texts, header and picture that a site shows before its fans log in."""
    return await businesses.site(db, account.id, query.business_id)


@endpoint.post("/api/v1/status", scope="sessions", key=PUBLIC)
async def status_post(db: Db, account: Account, query: SiteQuery) -> Site:
    """Return the same as the GET, for sites that post."""
    return await businesses.site(db, account.id, query.business_id)


@endpoint.get("/api/v1/manage/fans/{fan_id}/sessions", scope="manage", key=SECRET)
async def manage_fans_sessions_list(db: Db, account: Account, target: FanSessions, now: datetime) -> list[FanSession]:
    """List the valid sessions of a fan, the newest first."""
    return await sessions.fan_sessions(db, account.id, target.fan_id, now)


@endpoint.delete("/api/v1/manage/fans/{fan_id}/sessions", scope="manage", key=SECRET)
async def manage_fans_sessions_delete(db: Db, account: Account, target: FanSessions, now: datetime) -> SessionsEnded:
    """End all sessions of a fan."""
    return SessionsEnded(await opening.end_fan_sessions(db, account.id, target.fan_id, now))


@endpoint.delete("/api/v1/manage/sessions/{session_id}", scope="manage", key=SECRET)
async def manage_sessions_delete(db: Db, account: Account, target: SessionById, now: datetime) -> bool:
    """End one session by its id; 404 once it has ended."""
    await opening.end_session_by_id(db, account.id, target.session_id, now)
    return True


@endpoint.get("/api/v1/manage/fans/{fan_id}/passkeys", scope="manage", key=SECRET)
async def manage_fans_passkeys_list(db: Db, account: Account, target: FanPasskeys) -> list[Passkey]:
    """List the passkeys of a fan, the oldest first."""
    return await passkey_queries.fan_passkeys(db, account.id, target.fan_id)


@endpoint.delete("/api/v1/manage/passkeys/{passkey_id}", scope="manage", key=SECRET)
async def manage_passkeys_delete(db: Db, account: Account, target: OnePasskey, now: datetime) -> bool:
    """Remove a passkey of a fan, such as that of a lost phone, and end the sessions that it opened."""
    await passkeys.remove_any(db, account.id, target.passkey_id, now)
    return True
