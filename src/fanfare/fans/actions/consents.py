"""Writes consents to the ledger and derives the flags of fans from it."""

from collections.abc import Collection, Mapping, Sequence
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


class ConsentEntry(msgspec.Struct, frozen=True):
    """A yes or no to a channel: email, phone, business (with its id), or everything, where a no opts out."""

    channel: str
    is_granted: bool
    business_id: int | None = None


class ConsentContext(msgspec.Struct, frozen=True):
    """Circumstances of consents: the call that recorded them and when, when and from which IP address they were given.

    `wording` is the text that the fan agreed to. With `is_undated` nobody knows when a yes was given: it is older than
    every no.
    """

    source: str
    noted_at: datetime
    moment: datetime
    wording: str | None = None
    address: str | None = None
    is_undated: bool = False


def consent_entries(
    is_subscribed: bool | None,  # noqa: FBT001 - the wire's three flags in their order
    is_phone_subscribed: bool | None,  # noqa: FBT001 - the same
    is_optout: bool | None,  # noqa: FBT001 - the same
    businesses: Mapping[str, bool | None] | None = None,
) -> list[ConsentEntry]:
    """Return the consents in a request. All have the same time, so opting out overrides a yes beside it."""
    entries = [
        ConsentEntry("email", is_subscribed) if is_subscribed is not None else None,
        ConsentEntry("phone", is_phone_subscribed) if is_phone_subscribed is not None else None,
        *(ConsentEntry("business", flag, int(key)) for key, flag in (businesses or {}).items() if flag is not None),
        ConsentEntry("everything", not is_optout) if is_optout is not None else None,
    ]
    return [entry for entry in entries if entry is not None]


class ConsentState:
    """The state that a fan's consents add up to, independent of the order in which they are added.

    A channel or business is on when its latest yes is later than its latest no; a no to everything is a no to each.
    The fan has opted out when no yes is later than the latest no to everything. At the same time, no overrides yes.
    """

    def __init__(self) -> None:
        self.latest: dict[tuple[str, int | None, bool], datetime] = {}

    def add(self, entry: ConsentEntry, moment: datetime) -> None:
        """Add a consent that was given at `moment`."""
        key = (entry.channel, entry.business_id, entry.is_granted)
        self.latest[key] = max(moment, self.latest.get(key, NEVER))

    def _last(self, channel: str, business_id: int | None = None) -> tuple[bool, datetime | None]:
        """Return whether a channel or business is on, and the time of the consent that decides it, or None."""
        yes = self.latest.get((channel, business_id, True), NEVER)
        no = max(self.latest.get((each, number, False), NEVER) for each, number in ((channel, business_id), EVERYTHING))
        return yes > no, max(yes, no) if max(yes, no) > NEVER else None

    def would_override(self, entry: ConsentEntry, moment: datetime) -> bool:
        """Return whether a consent is a yes that, given at `moment`, would override a no, or one to everything."""
        columns = self.columns()
        if entry.is_granted and columns["is_optout"] and columns["optout_word_at"] <= moment:
            return True
        if entry.channel == "everything":
            is_on, decided_at = not columns["is_optout"], columns["optout_word_at"]
        else:
            is_on, decided_at = self._last(entry.channel, entry.business_id)
        return entry.is_granted and not is_on and decided_at is not None and decided_at <= moment

    def columns(self) -> dict[str, Any]:
        """Return the columns of `fans`: three flags, and for each the time of the consent that decides it."""
        no = self.latest.get((*EVERYTHING, False), NEVER)
        yes = max((moment for (_, _, is_granted), moment in self.latest.items() if is_granted), default=NEVER)
        mail, phone = self._last("email"), self._last("phone")
        return {
            "is_subscribed": mail[0],
            "is_phone_subscribed": phone[0],
            "is_optout": no >= yes and no > NEVER,
            "email_word_at": mail[1],
            "phone_word_at": phone[1],
            "optout_word_at": max(yes, no) if max(yes, no) > NEVER else None,
        }

    def refusals(self, channel: str) -> list[tuple[ConsentEntry, datetime]]:
        """Return what the fan refuses that concerns a channel: it, businesses and everything; with the times."""
        is_on, decided_at = self._last(channel)
        result = [(ConsentEntry(channel, is_on), decided_at)]
        result += [(ConsentEntry("business", each, key), moment) for key, (each, moment) in self.businesses().items()]
        columns = self.columns()
        result.append((ConsentEntry(EVERYTHING[0], not columns["is_optout"]), columns["optout_word_at"]))
        return [(entry, moment) for entry, moment in result if moment is not None and not entry.is_granted]

    def is_granted(self, channel: str) -> bool:
        """Return whether a channel is on."""
        return self._last(channel)[0]

    def businesses(self) -> dict[int, tuple[bool, datetime]]:
        """Return, for each business_id with a consent, whether it is on and the time of the consent that decides it."""
        result = {}
        for business_id in {number for _, number, _ in self.latest if number is not None}:
            is_on, moment = self._last("business", business_id)
            if moment:
                result[business_id] = is_on, moment
        return result


ANNOUNCEMENT = {"subject": ":fan_id", "fan": ":fan_id", "position": "consent_id", "at": ":noted_at"}
RECORD = Sql(f"""
    with entries as materialized (
        select nextval('positions') as consent_id, w.*
        from unnest(:channels::text[], :flags::boolean[], :business_ids::bigint[])
             as w (channel, is_granted, business_id)
    ),
    insert_consents as (
        insert into consents (account_id, consent_id, fan_id, channel, business_id, is_granted,
                              wording, consent_source, ip_address, given_at, is_undated)
        select $1, consent_id, :fan_id, channel, business_id, is_granted, :wording, :source, :address, :moment,
               is_granted and :is_undated::boolean
        from entries
    )
    {announce(CONSENT_GIVEN, "entries where is_granted", **ANNOUNCEMENT)}
    {also(CONSENT_WITHDRAWN, "entries where not is_granted", **ANNOUNCEMENT)}
""")  # noqa: S608 - fixed parts


async def record_consents(
    db: Db, account_id: int, fan_id: int, entries: list[ConsentEntry], context: ConsentContext
) -> None:
    """Insert consents into the ledger and announce them; BadParameters (422) for businesses of no such id.

    Runs in the caller's transaction, which has locked a position and the fan's row and calls `derive_consent`
    afterwards.
    """
    await check_businesses(db, account_id, [entry.business_id for entry in entries if entry.business_id is not None])
    await db.execute(
        RECORD,
        account_id,
        fan_id=fan_id,
        channels=[entry.channel for entry in entries],
        flags=[entry.is_granted for entry in entries],
        business_ids=[entry.business_id for entry in entries],
        **msgspec.structs.asdict(context),
    )


async def check_businesses(db: Db, account_id: int, business_ids: Sequence[int]) -> None:
    """Raise BadParameters (422) with every business that does not exist."""
    if missing := await unknown_businesses(db, account_id, business_ids):
        raise no_businesses(missing)


def no_businesses(missing: Collection[int]) -> BadParameters:
    """Return the error of businesses that do not exist."""
    return BadParameters([(f"business_{each}", "is not a business of this account") for each in sorted(missing)])


async def unknown_businesses(db: Db, account_id: int, business_ids: Sequence[int]) -> set[int]:
    """Return those of some ids that are no business of the account."""
    ids = set(business_ids)
    if not ids:
        return set()
    rows = await db.rows(
        "select business_id from businesses where account_id = $1 and business_id = any($2::bigint[])",
        account_id,
        list(ids),
    )
    return ids - {row["business_id"] for row in rows}


async def derive_consent(db: Db, account_id: int, fan_id: int) -> tuple[dict[str, Any], list[str]]:
    """Derive a fan's consent state from the ledger: write fan_businesses, and return the columns of `fans` to write.

    Also returns the businesses, as `business_<id>`, whose opt-in changed. Runs in the caller's transaction, which has
    locked the fan's row.
    """
    state = await consent_state(db, account_id, fan_id)
    opt_ins = state.businesses()
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
    return state.columns(), [f"business_{row['business_id']}" for row in rows]


async def consent_state(db: Db, account_id: int, fan_id: int) -> ConsentState:
    """Return the state that a fan's consents add up to."""
    state = ConsentState()
    await add_consents(db, account_id, fan_id, state)
    return state


async def add_consents(db: Db, account_id: int, fan_id: int, state: ConsentState) -> None:
    """Add the consents of a fan to a state; with those of two fans it is that after their merge."""
    for row in await db.rows(LATEST, account_id, fan_id):
        state.add(ConsentEntry(row["channel"], row["is_granted"], row["business_id"]), row["given_at"])


LATEST = """
    select channel, business_id, is_granted,
           max(case when is_undated then timestamptz 'epoch' else given_at end) as given_at
    from consents where account_id = $1 and fan_id = $2 group by channel, business_id, is_granted
"""
