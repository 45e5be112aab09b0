"""Issues codes for what a fan agreed to, and writes and withdraws what a fan agrees to."""

import uuid
from datetime import datetime, timedelta

import asyncpg

from fanfare.hosted.browser_sessions import BrowserSession
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import hash_secret
from fanfare.kernel.data.sql import Sql
from fanfare.openid.actions.tokens import new_token
from fanfare.openid.schemas.authorization import AuthorizationRequest
from fanfare.openid.schemas.errors import RequestExpired
from fanfare.openid.topics import OPENID_CONSENT_CREATED, OPENID_CONSENT_DELETED

CODE_TIME = timedelta(seconds=60)
# The fan and the client stay until the code is written. Whoever ends the session or withdraws the consent waits for the
# code and ends it too, or has done so before, and then there is none.
ISSUE = Sql("""
    insert into openid_grants (account_id, grant_id, client_id, fan_id, session_id, subject, scopes, nonce,
                               redirect_uri, code_challenge, code_hash, authenticated_at, created_at, expires_at)
    select $1, :grant_id, c.client_id, c.fan_id, :session_id, c.subject, :scopes, :nonce, :redirect_uri,
           :code_challenge, :code_hash, :authenticated_at, :now, :code_end
    from fans f
    join openid_clients k on k.account_id = $1 and k.client_id = :client_id
    join sessions s on s.account_id = $1 and s.session_id = :session_id and s.fan_id = f.fan_id and s.expires_at > :now
    join openid_consents c on c.account_id = $1 and c.client_id = k.client_id and c.fan_id = f.fan_id
    where f.account_id = $1 and f.fan_id = :fan_id and c.withdrawn_at is null and c.scopes @> :scopes
    for key share of f, k for share of s, c
    returning grant_id
""")


async def issue_code(db: Db, request: AuthorizationRequest, session: BrowserSession, now: datetime) -> str | None:
    """Return a code that is valid once, for a minute.

    None if the fan has not agreed to all that is requested, or if the session has ended meanwhile.
    """
    code = new_token()
    values = {
        "grant_id": uuid.uuid4(),
        "client_id": request.client_id,
        "fan_id": session.fan_id,
        "session_id": session.session_id,
        "scopes": request.scopes,
        "nonce": request.nonce,
        "redirect_uri": request.redirect_uri,
        "code_challenge": request.code_challenge,
        "code_hash": hash_secret(code),
        "authenticated_at": session.authenticated_at,
        "code_end": now + CODE_TIME,
        "now": now,
    }
    grant_id = await db.retry_conflicts(lambda outer: outer.value(ISSUE, request.account_id, **values))
    return None if grant_id is None else code


# The subject is the id of the fan when the client first sees them; a random one if a merge left that id to another fan.
AGREE = Sql(f"""
    with {HOLD},
    agreed as (
        insert into openid_consents as c (account_id, client_id, fan_id, subject, scopes, consented_at)
        select $1, :client_id, :fan_id::bigint,
               case when exists (
                   select from openid_consents o
                   where o.account_id = $1 and o.client_id = :client_id and o.fan_id <> :fan_id::bigint
                     and o.subject = (:fan_id::bigint)::text)
               then gen_random_uuid()::text else (:fan_id::bigint)::text end,
               :scopes, :now
        from hold
        on conflict (account_id, client_id, fan_id) do update
        set scopes = array(select unnest(c.scopes) union select unnest(excluded.scopes)),
            consented_at = excluded.consented_at, withdrawn_at = null
        returning client_id, fan_id
    ),
    logged as (
        {announce(OPENID_CONSENT_CREATED, "agreed", at=":now")}
    )
    select client_id from agreed
""")  # noqa: S608 - fixed parts


async def agree(db: Db, request: AuthorizationRequest, fan_id: int, now: datetime) -> None:
    """Write that a fan agrees to what a client requests. RequestExpired (410) if either is gone."""
    try:
        await db.value(
            AGREE,
            request.account_id,
            client_id=request.client_id,
            fan_id=fan_id,
            scopes=request.scopes,
            now=now,
        )
    except asyncpg.ForeignKeyViolationError:
        raise RequestExpired from None


WITHDRAW = f"""
    with {HOLD},
    withdrawn as (
        update openid_consents set withdrawn_at = $4, scopes = '{{}}'
        where account_id = $1 and client_id = $2 and fan_id = $3 and withdrawn_at is null
        returning client_id, fan_id
    ),
    logged as (
        {announce(OPENID_CONSENT_DELETED, "withdrawn", at="$4")}
    )
    select client_id from withdrawn
"""  # noqa: S608 - fixed parts


async def withdraw(db: Db, account_id: int, client_id: int, fan_id: int, now: datetime) -> None:
    """End what a fan agreed to at a client, with all tokens; once, if repeated."""

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            await tx.value(WITHDRAW, account_id, client_id, fan_id, now)
            # A statement of its own sees the code for which the first has waited.
            await tx.execute(
                "delete from openid_grants where account_id = $1 and client_id = $2 and fan_id = $3",
                account_id,
                client_id,
                fan_id,
            )

    await db.retry_conflicts(write)


async def forget_grants(db: Db, account_id: int, now: datetime) -> None:
    """Delete grants and access tokens that have expired."""
    await db.execute("delete from openid_tokens where account_id = $1 and expires_at <= $2", account_id, now)
    await db.execute("delete from openid_grants where account_id = $1 and expires_at <= $2", account_id, now)
