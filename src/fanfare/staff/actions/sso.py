"""Single sign-on: sets it up, and lets in whom the provider of an account vouches for, in that account alone."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.contact import mail_address, normalized_mail_key
from fanfare.identities.gateways.exchange import CodeFlow, login_page_url, token_of_code
from fanfare.identities.gateways.keys import end_session_url
from fanfare.identities.gateways.tokens import verified_identity
from fanfare.identities.queries.providers import Provider
from fanfare.identities.schemas.presets import OIDC
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import sent_fields
from fanfare.kernel.errors import Forbidden, Unavailable
from fanfare.kernel.parameters import with_query
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.staff.actions.console_keys import end_console_keys
from fanfare.staff.actions.members import Grantor, check_grant, locked_rights
from fanfare.staff.actions.sessions import Browser, open_session
from fanfare.staff.actions.ways_back import check_way_back, has_way_back
from fanfare.staff.queries.sso import enabled_sso, find_sso, sealed_secret, sso_of
from fanfare.staff.schemas.roles import FULL
from fanfare.staff.schemas.sso import SsoSettings, StaffSso, token_claims

PURPOSE = "staff sso"
TOKEN_PURPOSE = "staff id token"  # noqa: S105 - names a use
# Characters of an ID token that goes back in a URL: servers and proxies take no more than some 8 kB.
MAX_HINT = 4000
# No provider of fans has this id.
PROVIDER_ID = 0


class NotLetIn(Forbidden):
    """Your provider knows you, but you have no place in this account; ask somebody with the role full to invite you"""


SAVE = Sql("""
    insert into staff_sign_ons (account_id, issuer, client_id, sealed_secret, role_claim, claim_roles, default_role,
                                email_domains, is_enabled, is_forced, updated_at)
    values ($1, :issuer, :client_id, :sealed_secret, :role_claim, :claim_roles, :default_role, :email_domains,
            :is_enabled, :is_forced, :now)
    on conflict (account_id) do update
    set issuer = excluded.issuer, client_id = excluded.client_id, sealed_secret = excluded.sealed_secret,
        role_claim = excluded.role_claim, claim_roles = excluded.claim_roles, default_role = excluded.default_role,
        email_domains = excluded.email_domains, is_enabled = excluded.is_enabled, is_forced = excluded.is_forced,
        updated_at = excluded.updated_at
""")


async def save_sso(db: Db, account_id: int, settings: SsoSettings, now: datetime, *, grantor: Grantor) -> StaffSso:
    """Set up single sign-on; sessions by what was set up before end.

    RoleForbids (403) unless whoever does so may do everything: their provider says who anybody is, whatever its claims
    are mapped to. NoWayBack (409) if it would lock everybody out.
    """
    async with db.transaction() as tx:
        check_grant(await locked_rights(tx, account_id, grantor), FULL, None)
        secret = await sealed_secret(tx, account_id)
        fields = sent_fields(settings)
        if "client_secret" in fields:
            text = fields["client_secret"]
            secret = secret_keys.seal(PURPOSE, text.encode()) if text else None
        await tx.execute(
            SAVE, account_id, issuer=settings.issuer, client_id=settings.sso_client_id, sealed_secret=secret,
            role_claim=settings.role_claim, claim_roles=settings.claim_roles or {}, default_role=settings.default_role,
            email_domains=settings.email_domains, is_enabled=settings.is_enabled, is_forced=settings.is_forced, now=now,
        )  # fmt: skip
        await check_way_back(tx, account_id)
        await tx.execute("delete from staff_sessions where account_id = $1", account_id)
        return await sso_of(tx, account_id)


async def end_sso(db: Db, account_id: int, *, grantor: Grantor) -> bool:
    """Delete the single sign-on of an account with the sessions that it began; people stay. RoleForbids (403)."""
    async with db.transaction() as tx:
        check_grant(await locked_rights(tx, account_id, grantor), FULL, None)
        await tx.execute("delete from staff_sign_ons where account_id = $1", account_id)
        await tx.execute("delete from staff_sessions where account_id = $1", account_id)
    return True


def _provider(account_id: int, sso: StaffSso, secret: str | None) -> Provider:
    return Provider(
        account_id, PROVIDER_ID, OIDC, "", sso.issuer, [sso.sso_client_id], secret, None, None, None, None, None, None,
        is_email_trusted=True, is_access_token_accepted=False,
    )  # fmt: skip


async def sso_page_url(db: Db, account_id: int, flow: CodeFlow, now: datetime, *, asks_again: bool) -> str:
    """Return where a browser is sent; Unknown (404) without single sign-on, 503 while the provider is down."""
    sso = await enabled_sso(db, account_id)
    return await login_page_url(_provider(account_id, sso, None), flow, now, asks_again=asks_again)


class Arrival(msgspec.Struct, frozen=True):
    """Who came back from a provider: the verified address, a name, the claims, and when they signed in there.

    `sealed_id_token` is empty where the token is too long for a URL.
    """

    email: str
    name: str
    claims: Mapping[str, Any]
    authenticated_at: datetime | None
    sealed_id_token: str | None = None

    def is_proof(self, begun_at: datetime) -> bool:
        """Return whether the provider says that they signed in since a moment."""
        return self.authenticated_at is not None and self.authenticated_at >= begun_at


async def arrival_of(db: Db, account_id: int, flow: CodeFlow, code: str, now: datetime) -> Arrival:
    """Exchange a code for who somebody is. NotLetIn (403) without a verified address of the account's domains."""
    sso = await enabled_sso(db, account_id)
    sealed = await sealed_secret(db, account_id)
    provider = _provider(account_id, sso, sealed)
    secret = secret_keys.unseal(PURPOSE, sealed).decode() if sealed else None
    token = await token_of_code(provider, secret, flow, code, now)
    identity = await verified_identity(provider, token, flow.nonce, now)
    try:
        email = mail_address(identity.email or "")
    except ValueError:
        raise NotLetIn from None
    if email.rpartition("@")[2] not in sso.email_domains:
        raise NotLetIn
    name = " ".join(each for each in (identity.first_name, identity.last_name) if each) or email.partition("@")[0]
    sealed_token = secret_keys.seal(TOKEN_PURPOSE, token.encode()) if len(token) <= MAX_HINT else None
    return Arrival(email, name[:200], token_claims(token), identity.authenticated_at, sealed_token)


async def let_in(db: Db, account_id: int, arrival: Arrival, browser: Browser, now: datetime) -> str:
    """Begin a session of an arrival in the account, and return its token; whoever is new becomes a member.

    The role follows the claim each time, but the last person with the role full keeps it. NotLetIn (403) for people of
    other accounts, and for who was let go: an account learns of them, and they come back, by an invitation alone.
    """
    async with db.transaction() as tx:
        await tx.execute("select from accounts where account_id = $1 for no key update", account_id)
        sso = await enabled_sso(tx, account_id)
        role = sso.role_of(arrival.claims)
        row = await tx.row(MEMBER, account_id, normalized_mail_key(arrival.email))
        if row is None:
            staff_id = await _join(tx, account_id, arrival, role or sso.default_role, now)
        else:
            staff_id = row["staff_id"]
            if role not in (None, row["role"]) and (row["role"] != FULL or await _may_lose_full(tx, account_id, row)):
                await _change_role(tx, account_id, staff_id, str(role))
        place = msgspec.structs.replace(browser, account_id=account_id, sealed_id_token=arrival.sealed_id_token)
        return await open_session(tx, staff_id, "sso", place, now)


async def sign_out_url(db: Db, account_id: int, sealed_id_token: str | None, path: str, now: datetime) -> str | None:
    """Return where a provider ends the session that it has with a person, and leads back to a path of ours.

    None if the provider publishes no such address, or does not respond.
    """
    sso = await find_sso(db, account_id)
    if sso is None or not sso.is_enabled:
        return None
    with suppress(Unavailable):
        if url := await end_session_url(_provider(account_id, sso, None), now):
            parameters = {
                "id_token_hint": _unsealed(sealed_id_token),
                "client_id": sso.sso_client_id,
                "post_logout_redirect_uri": f"{public_address.base}{path}",
            }
            return with_query(url, [(name, value) for name, value in parameters.items() if value])
    return None


def _unsealed(sealed: str | None) -> str:
    """Return an ID token; nothing where there is none, or the key that sealed it has ended."""
    try:
        return secret_keys.unseal(TOKEN_PURPOSE, sealed).decode() if sealed else ""
    except NotSealed:
        return ""


MEMBER = """
    select m.staff_id, m.role, exists (select from staff_memberships o where o.account_id = $1
                                       and o.staff_id <> m.staff_id and o.role = 'full' and o.business_ids is null)
                               as has_other_full
    from staff_memberships m join staff p on p.staff_id = m.staff_id where m.account_id = $1 and p.email_key = $2
"""
# What an invitation says goes before the claim: whoever invited knows the person.
JOIN = """
    with invitation as (
        delete from staff_invitations where account_id = $1 and email_key = $3 and expires_at > $5
        returning role, custom_rights, business_ids
    ), place as (
        select role, custom_rights, business_ids from invitation
        union all select $6, '{}', null where $6::text is not null and not exists (select from invitation)
    ), person as (
        insert into staff (email, email_key, staff_name, created_at) select $2, $3, $4, $5::timestamptz from place
        on conflict (email_key) do nothing returning staff_id
    )
    insert into staff_memberships (account_id, staff_id, role, custom_rights, business_ids, created_at)
    select $1, staff_id, role, custom_rights, business_ids, $5 from person cross join place
    returning staff_id
"""


async def _join(tx: Db, account_id: int, arrival: Arrival, role: str | None, now: datetime) -> int:
    """Make somebody new a member, with what an invitation says or else a role, and return their id."""
    key = normalized_mail_key(arrival.email)
    staff_id: int | None = await tx.value(JOIN, account_id, arrival.email, key, arrival.name, now, role)
    if staff_id is None:
        raise NotLetIn
    return staff_id


async def _may_lose_full(tx: Db, account_id: int, row: Record) -> bool:
    return row["has_other_full"] and await has_way_back(tx, account_id, without=row["staff_id"])


async def _change_role(tx: Db, account_id: int, staff_id: int, role: str) -> None:
    await tx.execute(
        "update staff_memberships set role = $3, custom_rights = '{}' where account_id = $1 and staff_id = $2",
        account_id,
        staff_id,
        role,
    )
    await end_console_keys(tx, account_id, staff_id)


async def seal_again(db: Db, account_id: int) -> None:
    """Seal the client secret by the newest key, before the one that sealed it ends."""
    sealed = await sealed_secret(db, account_id)
    if sealed is None:
        return
    try:
        secret = secret_keys.unseal(PURPOSE, sealed)
    except NotSealed:
        return
    await db.execute(
        "update staff_sign_ons set sealed_secret = $3 where account_id = $1 and sealed_secret = $2",
        account_id,
        sealed,
        secret_keys.seal(PURPOSE, secret),
    )
