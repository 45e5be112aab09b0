"""Fans ask to be erased, take that back, or staff decide; a message with the certificate ends it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from fanfare.fans.actions.erasure import erase_fan
from fanfare.fans.schemas.erasures import Erasure
from fanfare.hosted.queries import erasure_requests as queries
from fanfare.hosted.schemas.erasure_requests import ErasureDecision, ErasureRequest, ErasureSettings
from fanfare.hosted.topics import ERASURE_REQUEST_CREATED, ERASURE_REQUEST_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import WRITE_ATTEMPTS, Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Conflict, Unavailable, Unknown
from fanfare.messages.actions.sending import send
from fanfare.messages.schemas.messages import NewMessage

SOURCE = "erasure request"
# Article 12 of the GDPR: within a month.
DUE = timedelta(days=30)


class RequestDecided(Conflict):
    """The request is decided or withdrawn already"""


CREATE = Sql(f"""
    with {HOLD},
    created as (
        insert into erasure_requests (account_id, erasure_request_id, fan_id, request_source, business_id,
                                      request_language, created_at, due_at, erase_at)
        select $1, nextval('positions'), :fan_id, :source, :business_id, :language, :now, :due_at,
               :now::timestamptz + (select make_interval(days => automatic_days) from erasure_settings
                                    where account_id = $1)
        from hold
        on conflict (account_id, fan_id) where request_state = 'waiting' do nothing
        returning erasure_request_id, fan_id
    )
    {announce(ERASURE_REQUEST_CREATED, "created", position="erasure_request_id", at=":now")}
""")  # noqa: S608 - fixed parts


class Origin(NamedTuple):
    """Where a request comes from: the page or call, and the business and language of the mail that ends it."""

    source: str
    business_id: int | None = None
    language: str = ""


async def request_erasure(db: Db, account_id: int, fan_id: int, now: datetime, origin: Origin) -> ErasureRequest:
    """Return the request of a fan to be erased, a new one unless there is one already. Refuses (404) an unknown fan."""
    async with db.transaction() as tx:
        # An erasure or merge waits for the request, or the request sees what became of the fan.
        if (
            await tx.row("select from fans where account_id = $1 and fan_id = $2 for key share", account_id, fan_id)
            is None
        ):
            raise Unknown(fan=fan_id)
        await tx.execute(
            CREATE,
            account_id,
            fan_id=fan_id,
            **origin._asdict(),
            now=now,
            due_at=now + DUE,
        )
        present = await queries.waiting_request(tx, account_id, fan_id)
    if present is None:
        raise RequestDecided
    return present


CLOSE = f"""
    with {HOLD},
    closed as (
        update erasure_requests set request_state = $4, decided_at = $3
        where account_id = $1 and fan_id = $2 and request_state = 'waiting'
          and ($5::bigint is null or erasure_request_id = $5)
        returning erasure_request_id, fan_id, request_state = 'done' as is_done,
                  request_state = 'refused' as is_refused
    )
    {announce(ERASURE_REQUEST_UPDATED, "closed", at="$3")}
"""  # noqa: S608 - fixed parts


async def withdraw_request(db: Db, account_id: int, fan_id: int, now: datetime) -> None:
    """Take the request of a fan back, if it is not decided."""
    await db.execute(CLOSE, account_id, fan_id, now, "withdrawn", None)


FAN = """
    select r.fan_id, r.request_state, r.business_id, r.request_language, r.erasure_request_id
    from erasure_requests r where r.account_id = $1 and r.erasure_request_id = $2
"""
LOCKED_FAN = "select email, phone from fans where account_id = $1 and fan_id = $2 for update"


async def decide(db: Db, account_id: int, decision: ErasureDecision, now: datetime) -> ErasureRequest:
    """Carry a request out, or refuse it. Refuses (404) an unknown one, and (409) one that is decided or withdrawn.

    A request of a fan who is no more is closed.
    """

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            row, person = await _locked(tx, account_id, decision.erasure_request_id)
            if row["request_state"] != "waiting":
                raise RequestDecided
            if decision.decision == "refuse" or person is None:
                state = "refused" if decision.decision == "refuse" else "done"
                await tx.execute(CLOSE, account_id, row["fan_id"], now, state, row["erasure_request_id"])
            else:
                await _erase(tx, account_id, row, person, now)

    await db.retry_conflicts(write)
    return await queries.erasure_request(db, account_id, decision.erasure_request_id)


async def _locked(db: Db, account_id: int, erasure_request_id: int) -> tuple[Record, Record | None]:
    """Lock the fan of a request, then the request, as merges do; return it and the fan, None for one who is no more."""
    fan_id: int | None = None
    person: Record | None = None
    for _ in range(WRITE_ATTEMPTS):
        row = await db.row(FAN + ("" if fan_id is None else "for update"), account_id, erasure_request_id)
        if row is None:
            raise Unknown(erasure_request=erasure_request_id)
        if row["fan_id"] == fan_id:
            return row, person
        # New, or moved by a merge while this transaction waited.
        fan_id = row["fan_id"]
        person = await db.row(LOCKED_FAN, account_id, fan_id)
    raise Unavailable


async def _erase(db: Db, account_id: int, row: Record, person: Record, now: datetime) -> None:
    certificate = await erase_fan(db, account_id, row["fan_id"], now, source=SOURCE)
    if person["email"] or person["phone"]:
        await send(db, account_id, _farewell(row, person, certificate), now)


def _farewell(row: Record, person: Record, certificate: Erasure) -> NewMessage:
    """Return the message with the certificate, which names no fan; its recipient is deleted once it has left."""
    return NewMessage(
        channel="email" if person["email"] else "sms",
        recipient=person["email"] or person["phone"],
        template="erasure_done",
        request_key=f"erasure_done:{certificate.erasure_id}",
        values={"certificate": certificate.erasure_id, "digest": certificate.digest},
        business_id=row["business_id"],
        language=row["request_language"],
    )


async def save_settings(db: Db, account_id: int, settings: ErasureSettings) -> ErasureSettings:
    """Save when requests are carried out without staff; requests that are there already stay as they are."""
    if settings.automatic_days is None:
        await db.execute("delete from erasure_settings where account_id = $1", account_id)
    else:
        await db.execute(
            "insert into erasure_settings (account_id, automatic_days) values ($1, $2)"
            " on conflict (account_id) do update set automatic_days = excluded.automatic_days",
            account_id,
            settings.automatic_days,
        )
    return settings
