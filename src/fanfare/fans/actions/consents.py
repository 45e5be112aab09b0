"""Writes words on consent into the ledger and folds them into the flags."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from fanfare.kernel.db import Db
from fanfare.kernel.errors import BadParameters


class Word(msgspec.Struct, frozen=True):
    """What a fan said: yes or no to a channel. `business` names its business, `everything` is about opting out."""

    channel: str
    is_granted: bool
    business_id: int | None = None


class Saying(msgspec.Struct, frozen=True):
    """Who noted the words, what the fan had read, and where and when the fan said them."""

    source: str
    moment: datetime
    wording: str | None = None
    address: str | None = None


def words(
    is_subscribed: bool | None,  # noqa: FBT001 - the wire's three flags in their order
    is_phone_subscribed: bool | None,  # noqa: FBT001 - the same
    is_optout: bool | None,  # noqa: FBT001 - the same
    businesses: Mapping[str, bool] | None = None,
) -> list[Word]:
    """Return the words that a request states. Opting out comes last: it beats a yes in the same request."""
    said = [
        Word("email", is_subscribed) if is_subscribed is not None else None,
        Word("phone", is_phone_subscribed) if is_phone_subscribed is not None else None,
        *(Word("business", flag, int(key)) for key, flag in (businesses or {}).items()),
        Word("everything", not is_optout) if is_optout is not None else None,
    ]
    return [word for word in said if word is not None]


def folded(flags: Mapping[str, bool], said: Iterable[Word]) -> dict[str, bool]:
    """Return the fan's three flags after some words.

    A no to everything turns both channels off; a later yes to a channel lifts the opt-out; a yes to everything lifts
    it too, but subscribes to nothing.
    """
    now = dict(flags)
    for word in said:
        if word.channel == "everything":
            now["is_optout"] = not word.is_granted
            if not word.is_granted:
                now["is_subscribed"] = now["is_phone_subscribed"] = False
        elif word.is_granted:
            now["is_optout"] = False
        if word.channel == "email":
            now["is_subscribed"] = word.is_granted
        elif word.channel == "phone":
            now["is_phone_subscribed"] = word.is_granted
    return now


async def note(db: Db, account_id: int, fan_id: int, said: list[Word], saying: Saying) -> list[str]:
    """Append words to the ledger, fold those on businesses, and announce them; part of the caller's transaction.

    The caller holds a position and the fan's row, and folds the fan's own flags. Returns the businesses, as
    `business_<id>`, whose opt-in changed. Refuses a business that the account does not have.
    """
    if not said:
        return []
    await _check_businesses(db, account_id, said)
    rows = await db.rows(
        """
        with told as materialized (
            select nextval('positions') as consent_id, w.* from unnest($3::text[], $4::boolean[], $5::bigint[])
                as w (channel, is_granted, business_id)
        ),
        logged as (
            insert into consents (account_id, consent_id, fan_id, channel, business_id, is_granted,
                                  wording, consent_source, ip_address, given_at)
            select $1, consent_id, $2, channel, business_id, is_granted, $6, $7, $8, $9 from told
        ),
        withdrawn as (
            update fan_businesses set is_opted_in = false, updated_at = $9
            where account_id = $1 and fan_id = $2 and is_opted_in
              and exists (select from told where channel = 'everything' and not is_granted)
              and not exists (select from told t where t.business_id = fan_businesses.business_id)
            returning business_id
        ),
        opted as (
            insert into fan_businesses as b (account_id, fan_id, business_id, is_opted_in, updated_at)
            select $1, $2, business_id,
                   is_granted and not exists (select from told where channel = 'everything' and not is_granted), $9
            from told where channel = 'business'
            on conflict (account_id, fan_id, business_id) do update
            set is_opted_in = excluded.is_opted_in, updated_at = excluded.updated_at
            where b.is_opted_in <> excluded.is_opted_in
            returning business_id
        ),
        announced as (
            insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
            select $1, consent_id, case when is_granted then 'consent.given' else 'consent.withdrawn' end,
                   $2::bigint::text, $2, $9, jsonb_build_object('channel', channel, 'business_id', business_id)
            from told
        )
        select business_id from withdrawn union all select business_id from opted
        """,
        account_id,
        fan_id,
        [word.channel for word in said],
        [word.is_granted for word in said],
        [word.business_id for word in said],
        saying.wording,
        saying.source,
        saying.address,
        saying.moment,
    )
    return [f"business_{row['business_id']}" for row in rows]


async def _check_businesses(db: Db, account_id: int, said: list[Word]) -> None:
    named = {word.business_id for word in said if word.business_id is not None}
    if not named:
        return
    rows = await db.rows(
        "select business_id from businesses where account_id = $1 and business_id = any($2::bigint[])",
        account_id,
        list(named),
    )
    missing = sorted(named - {row["business_id"] for row in rows})
    if missing:
        raise BadParameters([(f"business_{business_id}", "is no business of this account") for business_id in missing])


FLAGS = ("is_subscribed", "is_phone_subscribed", "is_optout")


async def refold(db: Db, account_id: int, fan_id: int) -> dict[str, bool]:
    """Fold a fan's whole ledger anew: write the businesses and return the three flags, which the caller writes.

    Part of the caller's transaction, which holds the fan's row.
    """
    rows = await db.rows(
        "select channel, is_granted, business_id, given_at from consents"
        " where account_id = $1 and fan_id = $2 order by consent_id",
        account_id,
        fan_id,
    )
    opted: dict[int, tuple[bool, datetime]] = {}
    for row in rows:
        business_id, is_granted = row["business_id"], row["is_granted"]
        if row["channel"] == "everything" and not is_granted:
            opted |= {each: (False, row["given_at"]) for each, (is_in, _) in opted.items() if is_in}
        elif business_id is not None and opted.get(business_id, (None,))[0] != is_granted:
            opted[business_id] = (is_granted, row["given_at"])
    await db.execute(
        """
        insert into fan_businesses as b (account_id, fan_id, business_id, is_opted_in, updated_at)
        select $1, $2, o.business_id, o.is_opted_in, o.updated_at
        from unnest($3::bigint[], $4::boolean[], $5::timestamptz[]) as o (business_id, is_opted_in, updated_at)
        on conflict (account_id, fan_id, business_id) do update
        set is_opted_in = excluded.is_opted_in, updated_at = excluded.updated_at
        where b.is_opted_in <> excluded.is_opted_in
        """,
        account_id,
        fan_id,
        list(opted),
        [is_in for is_in, _ in opted.values()],
        [moment for _, moment in opted.values()],
    )
    said = [Word(row["channel"], row["is_granted"], row["business_id"]) for row in rows]
    return folded(dict.fromkeys(FLAGS, False), said)
