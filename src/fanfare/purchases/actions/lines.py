"""Lines of purchases as they are stored: inserted, or updated by their key, and announced."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from fanfare.fans.actions.people import MATCH, LightStatement, Person
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db
from fanfare.purchases.schemas import NewPurchase
from fanfare.purchases.topics import PURCHASE_CREATED, PURCHASE_UPDATED

# Assignments of customer columns: a missing value keeps the stored one, unless the line has another fan now. The postal
# address is kept or replaced as a whole.
SAME_FAN = "(excluded.fan_id is null or p.fan_id is null or excluded.fan_id = p.fan_id)"
ASSIGNMENTS = ",\n".join(
    f"{name} = case when excluded.{column} is null and {SAME_FAN} then p.{name} else excluded.{name} end"
    for name, column in (
        *((name, name) for name in ("customer_key", "email", "phone")),
        *((name, "country_code") for name in ("country_code", "province", "city")),
    )
)
SUBJECT = "network || ':' || purchase_key"
# The columns of a line that are passed as one JSON record.
COLUMNS = """network, purchase_key, fan_id, ordered_at, gross_sale_amount, net_sale_amount, deduction_amount, currency,
            quantity, order_key, merchant_key, location_key, customer_key, product_key, product_name, product_category,
            email, phone, country_code, province, city"""
SAVE = f"""
    with {HOLD},
    lines as (
        select nextval('positions') as position, g.*
        from hold cross join jsonb_populate_recordset(null::purchases, $2) as g
    ),
    old as materialized (
        select p.network, p.purchase_key, p.fan_id from lines join purchases p
          on p.account_id = $1 and p.network = lines.network and p.purchase_key = lines.purchase_key
        order by p.network, p.purchase_key
        for update of p
    ),
    saved as (
        insert into purchases as p (account_id, purchase_id, created_at, updated_at, {COLUMNS})
        select $1, lines.position, $3, $3, {COLUMNS}
        from lines cross join (select count(*) from old) as locked
        on conflict (account_id, network, purchase_key) do update
        set fan_id = coalesce(excluded.fan_id, p.fan_id), ordered_at = excluded.ordered_at,
            updated_at = excluded.updated_at, gross_sale_amount = excluded.gross_sale_amount,
            net_sale_amount = excluded.net_sale_amount, deduction_amount = excluded.deduction_amount,
            currency = excluded.currency, quantity = excluded.quantity, order_key = excluded.order_key,
            merchant_key = excluded.merchant_key,
            location_key = coalesce(excluded.location_key, p.location_key),
            product_key = coalesce(excluded.product_key, p.product_key),
            product_name = coalesce(excluded.product_name, p.product_name),
            product_category = coalesce(excluded.product_category, p.product_category),
            {ASSIGNMENTS}
        returning network, purchase_key, fan_id, purchase_id
    ),
    results as (
        select l.position, s.network, s.purchase_key, s.fan_id, s.purchase_id, s.purchase_id = l.position as is_new
        from saved s join lines l on l.network = s.network and l.purchase_key = s.purchase_key
    ),
    -- A former fan of the line is announced too.
    events as (
        select position, network, purchase_key, fan_id, is_new from results
        union all
        select nextval('positions'), r.network, r.purchase_key, old.fan_id, false
        from old join results r on r.network = old.network and r.purchase_key = old.purchase_key
        where r.fan_id <> old.fan_id
    ),
    announced as (
        {announce(PURCHASE_CREATED, "events where is_new", subject=SUBJECT, position="position", at="$3")}
        {also(PURCHASE_UPDATED, "events where not is_new", subject=SUBJECT, position="position", at="$3")}
    )
    select network, purchase_key, fan_id, purchase_id, is_new from results
"""  # noqa: S608 - fixed parts
# A single new line of a fan who owns its customer key, beside which no line waits for its fan. For any other it writes
# nothing. `record` is the line without its fan, `claim_key` the customer key if it identifies people.
SAVE_LIGHT = LightStatement(f"""
    with {HOLD},
    {MATCH},
    line as materialized (
        select nextval('positions') as position, g.*
        from hold cross join resolved
        cross join jsonb_populate_record(null::purchases, :record::jsonb || jsonb_build_object('fan_id', fan_id)) as g
        where :claim_key::text is null or exists (
            select from fan_identifiers i
            where i.account_id = $1 and i.network = fold_text(g.network) and i.identifier_value = :claim_key
              and i.fan_id = resolved.fan_id
        ) and not exists (
            select from purchases p
            where p.account_id = $1 and p.network = g.network and p.customer_key = :claim_key and p.fan_id is null)
    ),
    inserted as (
        insert into purchases (account_id, purchase_id, created_at, updated_at, {COLUMNS})
        select $1, position, :now, :now, {COLUMNS} from line
        on conflict (account_id, network, purchase_key) do nothing
        returning network, purchase_key, fan_id, purchase_id
    ),
    announced as (
        {announce(PURCHASE_CREATED, "inserted", subject=SUBJECT, position="purchase_id", at=":now")}
    )
    select fan_id from inserted
""")  # noqa: S608 - fixed parts
PLAIN = (
    "network", "purchase_key", "gross_sale_amount", "net_sale_amount", "order_key", "merchant_key", "location_key",
    "customer_key", "product_key", "product_name", "product_category",
)  # fmt: skip


class SavedLine(NamedTuple):
    """A line as it is stored: its fan, its id, and whether it is new."""

    fan_id: int | None
    purchase_id: int
    is_new: bool


def record_of(account: Account, new: NewPurchase, profile: Person, fan_id: int | None) -> dict[str, Any]:
    """Return the columns of a line."""
    deduction = new.deduction_amount
    return {
        **{name: getattr(new, name) for name in PLAIN},
        "fan_id": fan_id,
        "ordered_at": new.order_timestamp,
        "deduction_amount": new.gross_sale_amount - new.net_sale_amount if deduction is None else deduction,
        "currency": new.currency or account.currency,
        "quantity": 1 if new.quantity is None else new.quantity,
        "email": profile.mail,
        **{name: getattr(profile, name) for name in ("phone", "country_code", "province", "city")},
    }


async def save_lines(db: Db, account_id: int, records: Sequence[Mapping[str, Any]], now: datetime) -> list[SavedLine]:
    """Insert or update lines, of which no two have the same key, and announce them."""
    rows = await db.rows(SAVE, account_id, list(records), now)
    saved = {
        (row["network"], row["purchase_key"]): SavedLine(row["fan_id"], row["purchase_id"], row["is_new"])
        for row in rows
    }
    return [saved[each["network"], each["purchase_key"]] for each in records]
