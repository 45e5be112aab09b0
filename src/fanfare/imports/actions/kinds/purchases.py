"""Rows that are purchases."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_people import ready_people
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome, Undone, ids, synonyms
from fanfare.imports.actions.kinds.people import NAMES
from fanfare.imports.queries.uses import used_purchases
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.purchases.actions.importing import (
    ImportedPurchase,
    delete_unchanged,
    import_purchases,
    imported_purchase,
)
from fanfare.purchases.schemas import NewPurchase


async def write(db: Db, lines: Sequence[ImportedPurchase], context: ImportContext) -> list[Outcome]:
    """Save the purchases, each once by its key."""
    return [
        Outcome(ids(each.purchase_id), each.created_fan_id, refusal=each.refusal)
        for each in await import_purchases(db, lines, context)
    ]


async def undo(db: Db, account_id: int, created: Created, now: datetime) -> Undone:
    """Delete the purchases that nobody changed and no link is credited with."""
    used = await used_purchases(db, account_id, created.ids)
    deleted = await delete_unchanged(db, account_id, [each for each in created.ids if each not in used], now)
    return Undone(deleted, len(created.ids) - deleted)


OTHER_NAMES = synonyms(
    order_timestamp=("purchase_timestamp", "ordered_at", "order_date", "purchase_date", "date"),
    country=("country_code", "land", "pays"),
    gross_sale_amount=("gross", "gross_amount"),
    net_sale_amount=("net", "net_amount"),
    product_name=("product",),
)
PURCHASES = Kind(
    "purchases",
    Fields(NewPurchase, names={**synonyms(**NAMES), **OTHER_NAMES}),
    imported_purchase,
    write,
    undo,
    topics=("purchase",),
    people=lambda lines: ready_people(each.profile for each in lines if each.has_contact),
)
