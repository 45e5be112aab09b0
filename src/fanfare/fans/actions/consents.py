"""Writes words on consent into the ledger and folds them into the flags."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from fanfare.fans.topics import CONSENT_GIVEN, CONSENT_WITHDRAWN
from fanfare.kernel.data.announcements import also, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters

NEVER = datetime.min.replace(tzinfo=UTC)
EVERYTHING = ("everything", None)


class Word(msgspec.Struct, frozen=True):
    """What a fan said: yes or no to a channel. `business` names its business, `everything` is about opting out."""

    channel: str
    is_granted: bool
    business_id: int | None = None


class Saying(msgspec.Struct, frozen=True):
    """Who noted the words and when, when the fan had said them, what the fan had read, and from where."""

    source: str
    noted_at: datetime
    moment: datetime
    wording: str | None = None
    address: str | None = None


def words(
    is_subscribed: bool | None,  # noqa: FBT001 - the wire's three flags in their order
    is_phone_subscribed: bool | None,  # noqa: FBT001 - the same
    is_optout: bool | None,  # noqa: FBT001 - the same
    businesses: Mapping[str, bool] | None = None,
) -> list[Word]:
    """Return the words that a request states. They are of one moment, so opting out beats a yes beside it."""
    entries = [
        Word("email", is_subscribed) if is_subscribed is not None else None,
        Word("phone", is_phone_subscribed) if is_phone_subscribed is not None else None,
        *(Word("business", flag, int(key)) for key, flag in (businesses or {}).items()),
        Word("everything", not is_optout) if is_optout is not None else None,
    ]
    return [word for word in entries if word is not None]


class Fold:
    """What a fan's words come to, in whatever order they are heard: each counts by the moment it was given.

    A channel or business is on when its latest yes is younger than its latest no; a no to everything is a no to each.
    The fan is out when no yes is younger than the latest no to everything. At one moment no beats yes.
    """

    def __init__(self) -> None:
        """Begin with a fan who has said nothing."""
        self.latest: dict[tuple[str, int | None, bool], datetime] = {}

    def hear(self, word: Word, moment: datetime) -> None:
        """Take in a word."""
        key = (word.channel, word.business_id, word.is_granted)
        self.latest[key] = max(moment, self.latest.get(key, NEVER))

    def _last(self, channel: str, business_id: int | None = None) -> tuple[bool, datetime | None]:
        """Return whether a channel or business is on, and the moment of the word that decided it; None without one."""
        yes = self.latest.get((channel, business_id, True), NEVER)
        no = max(self.latest.get((each, number, False), NEVER) for each, number in ((channel, business_id), EVERYTHING))
        return yes > no, max(yes, no) if max(yes, no) > NEVER else None

    def columns(self) -> dict[str, Any]:
        """Return the fan's three flags, and beside each the moment of the word that decided it."""
        no = self.latest.get((*EVERYTHING, False), NEVER)
        yes = max((moment for (_, _, is_granted), moment in self.latest.items() if is_granted), default=NEVER)
        mail_word, phone_word = self._last("email"), self._last("phone")
        return {
            "is_subscribed": mail_word[0],
            "is_phone_subscribed": phone_word[0],
            "is_optout": no >= yes and no > NEVER,
            "email_word_at": mail_word[1],
            "phone_word_at": phone_word[1],
            "optout_word_at": max(yes, no) if max(yes, no) > NEVER else None,
        }

    def businesses(self) -> dict[int, tuple[bool, datetime]]:
        """Return of each business that was spoken of whether it is on, and since which word."""
        result = {}
        for business_id in {number for _, number, _ in self.latest if number is not None}:
            is_on, moment = self._last("business", business_id)
            if moment:
                result[business_id] = is_on, moment
        return result


WORD = {"subject": ":fan_id", "fan": ":fan_id", "position": "consent_id", "at": ":noted_at"}
NOTE = Sql(f"""
    with told as materialized (
        select nextval('positions') as consent_id, w.*
        from unnest(:channels::text[], :flags::boolean[], :business_ids::bigint[])
             as w (channel, is_granted, business_id)
    ),
    logged as (
        insert into consents (account_id, consent_id, fan_id, channel, business_id, is_granted,
                              wording, consent_source, ip_address, given_at)
        select $1, consent_id, :fan_id, channel, business_id, is_granted, :wording, :source, :address, :moment from told
    )
    {announce(CONSENT_GIVEN, "told where is_granted", **WORD)}
    {also(CONSENT_WITHDRAWN, "told where not is_granted", **WORD)}
""")  # noqa: S608 - fixed parts


async def note(db: Db, account_id: int, fan_id: int, entries: list[Word], context: Saying) -> None:
    """Append words to the ledger and announce them; part of the caller's transaction, who folds it anew.

    The caller holds a position and the fan's row. Refuses a business that the account does not have.
    """
    await check_businesses(db, account_id, [word.business_id for word in entries if word.business_id is not None])
    await db.execute(
        NOTE,
        account_id,
        fan_id=fan_id,
        channels=[word.channel for word in entries],
        flags=[word.is_granted for word in entries],
        business_ids=[word.business_id for word in entries],
        **{name: getattr(context, name) for name in ("wording", "source", "address", "moment", "noted_at")},
    )


async def check_businesses(db: Db, account_id: int, business_ids: Sequence[int]) -> None:
    """Refuse (422) businesses that are not there."""
    ids = set(business_ids)
    if not ids:
        return
    rows = await db.rows(
        "select business_id from businesses where account_id = $1 and business_id = any($2::bigint[])",
        account_id,
        list(ids),
    )
    missing = sorted(ids - {row["business_id"] for row in rows})
    if missing:
        raise BadParameters(
            [(f"business_{business_id}", "is not a business of this account") for business_id in missing]
        )


async def refold(db: Db, account_id: int, fan_id: int) -> tuple[dict[str, Any], list[str]]:
    """Fold a fan's whole ledger: write the businesses, and return the fan's columns, which the caller writes.

    Returns also the businesses, as `business_<id>`, whose opt-in changed. Part of the caller's transaction, which holds
    the fan's row.
    """
    fold = Fold()
    for row in await db.rows(LATEST, account_id, fan_id):
        fold.hear(Word(row["channel"], row["is_granted"], row["business_id"]), row["given_at"])
    opt_ins = fold.businesses()
    rows = await db.rows(
        """
        with old as materialized (
            select business_id, is_opted_in from fan_businesses where account_id = $1 and fan_id = $2
        ),
        new as (
            insert into fan_businesses as b (account_id, fan_id, business_id, is_opted_in, updated_at)
            select $1, $2, o.business_id, o.is_opted_in, o.updated_at
            from unnest($3::bigint[], $4::boolean[], $5::timestamptz[]) as o (business_id, is_opted_in, updated_at)
            on conflict (account_id, fan_id, business_id) do update
            set is_opted_in = excluded.is_opted_in, updated_at = excluded.updated_at
            where (b.is_opted_in, b.updated_at) <> (excluded.is_opted_in, excluded.updated_at)
            returning business_id, is_opted_in
        )
        select new.business_id from new left join old on old.business_id = new.business_id
        where new.is_opted_in is distinct from old.is_opted_in
        """,
        account_id,
        fan_id,
        list(opt_ins),
        [is_in for is_in, _ in opt_ins.values()],
        [moment for _, moment in opt_ins.values()],
    )
    return fold.columns(), [f"business_{row['business_id']}" for row in rows]


LATEST = """
    select channel, business_id, is_granted, max(given_at) as given_at
    from consents where account_id = $1 and fan_id = $2 group by channel, business_id, is_granted
"""
