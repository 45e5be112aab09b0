"""Purchases of an import: written in batches as by the call for one, and deleted again by an undo."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.actions.importing import FanLine, FanOutcome, ImportContext, import_fans
from fanfare.fans.actions.people import Person
from fanfare.fans.contact import identifies_people, is_unambiguous_sql
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Refusal
from fanfare.purchases.actions.lines import SUBJECT, record_of, save_lines
from fanfare.purchases.actions.purchases import KEYS, claim_customers, customer_of, match_purchases
from fanfare.purchases.schemas import NewPurchase
from fanfare.purchases.topics import PURCHASE_DELETED


class ImportedPurchase(msgspec.Struct, frozen=True):
    """A line of an import and its buyer, who may be nameless."""

    new: NewPurchase
    profile: Person

    @property
    def has_contact(self) -> bool:
        """Return whether the buyer has an email address or a number."""
        return bool(self.profile.mail or self.profile.phone)

    @property
    def has_customer_key(self) -> bool:
        """Return whether the line has a key that identifies its buyer."""
        return bool(self.new.customer_key) and identifies_people(self.new.network)


class PurchaseOutcome(msgspec.Struct, frozen=True):
    """What became of a line: its id if it is new, the fan if that is new, or why it was refused."""

    purchase_id: int | None = None
    created_fan_id: int | None = None
    refusal: Refusal | None = None


def imported_purchase(new: NewPurchase, context: ImportContext) -> ImportedPurchase:
    """Return the line of a purchase; BadParameters (422) names every invalid field."""
    return ImportedPurchase(new, customer_of(context.account, new, context.now))


async def import_purchases(
    db: Db, purchases: Sequence[ImportedPurchase], context: ImportContext
) -> list[PurchaseOutcome]:
    """Insert or update lines by their keys, in the caller's transaction; of two with the same key the later one counts.

    Later lines of a buyer who became known are linked too.
    """
    account, now = context.account, context.now
    places = [place for place, each in enumerate(purchases) if each.has_contact]
    fans = dict(
        zip(places, await import_fans(db, [FanLine(purchases[p].profile, None) for p in places], context), strict=True)
    )
    fan_ids = {place: fan.fan_id for place, fan in fans.items() if fan.fan_id is not None}
    await claim_customers(db, account.id, list(_keys(purchases, fan_ids)), now)
    fan_ids |= await _owners(db, account.id, purchases)
    created: dict[int, int] = {}
    for places in _rounds(purchases, {place for place, fan in fans.items() if fan.refusal}):
        records = [
            record_of(account, purchases[place].new, purchases[place].profile, fan_ids.get(place)) for place in places
        ]
        saved = await save_lines(db, account.id, records, now)
        created |= {place: line.purchase_id for place, line in zip(places, saved, strict=True) if line.is_new}
    await _match(db, account.id, purchases, fan_ids, now)
    return [_outcome(place, created, fans) for place in range(len(purchases))]


def _keys(purchases: Sequence[ImportedPurchase], fan_ids: dict[int, int]) -> Iterator[dict[str, Any]]:
    """Yield the customer_keys of buyers who are known by contact data."""
    for place, fan_id in fan_ids.items():
        each = purchases[place]
        if each.has_customer_key:
            yield {
                "network": each.new.network, "customer_key": each.new.customer_key, "fan_id": fan_id, "place": place,
            }  # fmt: skip


# The owners are locked, so that a concurrent merge or erasure waits and then finds the lines too.
OWNERS = Sql(f"""
    select g.place, f.fan_id
    from {KEYS.unnest("g")}
    join fan_identifiers i
      on i.account_id = $1 and i.network = fold_text(g.network) and i.identifier_value = g.customer_key
    join fans f on f.account_id = $1 and f.fan_id = i.fan_id
    where {is_unambiguous_sql("i")}
    order by f.fan_id
    for key share of f
""")  # noqa: S608 - fixed parts


async def _owners(db: Db, account_id: int, purchases: Sequence[ImportedPurchase]) -> dict[int, int]:
    """Return by place the owners of the customer_keys of lines without contact data."""
    keys = [
        {"network": each.new.network, "customer_key": each.new.customer_key, "fan_id": 0, "place": place}
        for place, each in enumerate(purchases)
        if each.has_customer_key and not each.has_contact
    ]
    rows = await db.rows(OWNERS, account_id, **KEYS.arguments(keys)) if keys else []
    return {row["place"]: row["fan_id"] for row in rows}


def _rounds(purchases: Sequence[ImportedPurchase], refused: set[int]) -> Iterator[list[int]]:
    """Yield the places of lines, of which no two in a round have the same key, in their order."""
    remaining = [place for place in range(len(purchases)) if place not in refused]
    while remaining:
        keys: set[tuple[str, str]] = set()
        this: list[int] = []
        later: list[int] = []
        for place in remaining:
            key = (purchases[place].new.network, purchases[place].new.purchase_key)
            (later if key in keys else this).append(place)
            keys.add(key)
        yield this
        remaining = later


async def _match(
    db: Db, account_id: int, purchases: Sequence[ImportedPurchase], fan_ids: dict[int, int], now: datetime
) -> None:
    """Link earlier lines to buyers who became known."""
    keys: dict[str, set[str]] = {}
    for place in fan_ids:
        each = purchases[place]
        if each.has_contact and each.has_customer_key and each.new.customer_key:
            keys.setdefault(each.new.network, set()).add(each.new.customer_key)
    for network, customer_keys in keys.items():
        await match_purchases(db, account_id, now, network=network, customer_keys=sorted(customer_keys))


def _outcome(place: int, created: dict[int, int], fans: dict[int, FanOutcome]) -> PurchaseOutcome:
    fan = fans.get(place)
    if fan and fan.refusal:
        return PurchaseOutcome(refusal=fan.refusal)
    return PurchaseOutcome(created.get(place), fan.fan_id if fan and fan.is_created else None)


DELETE = f"""
    with {HOLD},
    deleted as (
        delete from purchases where account_id = $1 and purchase_id = any($2::bigint[]) and updated_at = created_at
        returning network, purchase_key, fan_id
    ),
    announced as (
        {announce(PURCHASE_DELETED, "deleted", subject=SUBJECT, at="$3")}
    )
    select count(*) from deleted
"""  # noqa: S608 - fixed parts


async def delete_unchanged(db: Db, account_id: int, purchase_ids: Sequence[int], now: datetime) -> int:
    """Delete those of some lines that were never changed, and return their number; in the caller's transaction."""
    count: int = await db.value(DELETE, account_id, list(purchase_ids), now)
    return count
