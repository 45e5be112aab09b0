"""The tables that are exported: their rows in the order of a key, as lines of CSV or JSON that PostgreSQL writes.

PostgreSQL writes the text of thousands of rows as one value, which costs this process nothing per row.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec


class Column(msgspec.Struct, frozen=True):
    """A column: its SQL, and whether it is a text, which a spreadsheet could run as a formula."""

    sql: str
    is_text: bool = False


class Table(msgspec.Struct, frozen=True):
    """A table of an account: its key, the source of its rows, and its columns by name.

    With `is_position` the key is a position, so no row appears later below one that was read.
    """

    key: str
    source: str
    columns: Mapping[str, Column]
    is_position: bool = True


def _columns(text: str) -> dict[str, Column]:
    """Return columns by name from `name`, `name=expression`, with `*` before the name of a text."""
    result: dict[str, Column] = {}
    for part in text.split(";"):
        name, equals, sql = (each.strip() for each in part.partition("="))
        plain = name.removeprefix("*")
        result[plain] = Column(sql if equals else f"t.{plain}", is_text=name.startswith("*"))
    return result


TABLES: Mapping[str, Table] = {
    "fans": Table(
        "fan_id",
        "fans t",
        _columns(
            "fan_id; *email; *phone; *add_phone; *first_name; *last_name; *display_name; *gender; birth_date;"
            "*country_code; *province; *city; *postal_code; *metro_area; latitude; longitude; *ip_address;"
            "*image_url; *fan_source; rating;"
            # Empty, not false, for fans who never said anything.
            "is_subscribed=case when t.email_word_at is not null then t.is_subscribed end;"
            "is_phone_subscribed=case when t.phone_word_at is not null then t.is_phone_subscribed end;"
            "is_optout=case when t.optout_word_at is not null then t.is_optout end; is_confirmed; is_phone_confirmed;"
            "*fields=(select jsonb_object_agg(v.crm_field_key, v.field_value) from fan_fields v"
            " where v.account_id = $1 and v.fan_id = t.fan_id)::text;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        is_position=False,
    ),
    "consents": Table(
        "consent_id",
        "consents t",
        _columns(
            "consent_id; fan_id; *channel; business_id; is_granted; *consent_wording=t.wording; *consent_source;"
            "*ip_address; consent_timestamp=t.given_at"
        ),
    ),
    "activities": Table(
        "activity_id",
        "activities t left join campaigns c on c.account_id = $1 and c.page_tab_id = t.page_tab_id",
        _columns(
            "activity_id; fan_id; page_tab_id; *campaign_title=c.title; *app_type=c.app_type; *ip_address; *user_key;"
            "*details=t.props::text; creation_timestamp=t.created_at"
        ),
    ),
    "tickets": Table(
        "ticket_id",
        "tickets t join ticket_events e on e.account_id = $1 and e.event_uid = t.event_uid",
        _columns(
            "ticket_id; fan_id; *network; *ticket_key; *event_key=e.event_key; *event_name=e.event_name;"
            "event_date=e.event_date; *venue_name=e.venue_name; *artist_name=e.artist_name; num_seats; paid_amount;"
            "*currency; *order_key; *customer_key; *price_code; is_deleted; purchase_timestamp=t.purchased_at;"
            "creation_timestamp=t.created_at"
        ),
    ),
    "purchases": Table(
        "purchase_id",
        "purchases t",
        _columns(
            "purchase_id; fan_id; *network; *purchase_key; *order_key; *merchant_key; *location_key; *customer_key;"
            "*product_key; *product_name; *product_category; gross_sale_amount; net_sale_amount; deduction_amount;"
            "*currency; quantity; *email; *phone; *country_code; *province; *city; purchase_timestamp=t.ordered_at;"
            "creation_timestamp=t.created_at"
        ),
    ),
    "registrations": Table(
        "registration_id",
        "registrations t",
        _columns(
            "registration_id; fan_id; *network; *registration_key; *event_name; event_date; *event_key; *venue_name;"
            "*order_key; *ticket_key; *first_name; *last_name; *email; *phone; birth_date; *address; *city; *province;"
            "*country_code; *postal_code; registration_timestamp=t.registered_at; creation_timestamp=t.created_at"
        ),
    ),
    "points": Table(
        "fan_point_id",
        "fan_points t left join points p on p.account_id = $1 and p.point_uid = t.point_uid",
        _columns(
            "fan_point_id; fan_id; *point_name=p.point_name; point_count; *point_type; *point_source; page_tab_id;"
            "*award_key; creation_timestamp=t.created_at"
        ),
    ),
}
Format = Literal["csv", "ndjson"]
# A text in quotation marks; one that a spreadsheet would run as a formula has an apostrophe before it.
TEXT_CELL = (
    "coalesce('\"' || case when left({0}, 1) in ('=', '+', '-', '@', e'\\t', e'\\r') then '''' else '' end"
    " || replace({0}, '\"', '\"\"') || '\"', '')"
)
CELL = "coalesce(({})::text, '')"
JSON_LINE = "(select row_to_json(r)::text from (select {}) as r)"
BATCH = """
    select count(*) as row_count, max(key) as last_key, string_agg(line, e'\\n' order by key) || e'\\n' as lines
    from (
        select t.{key} as key, {line} as line from {source}
        where t.account_id = $1 and {condition} order by t.{key} limit $4) as batch
"""
BEHIND_KEY, OF_KEYS = (
    "t.{key} > $2::bigint and t.{key} <= $3::bigint",
    "t.{key} = any($2::bigint[]) and t.{key} <= $3::bigint",
)


def _line(table: Table, file_format: Format) -> str:
    if file_format == "csv":
        forms = {True: TEXT_CELL, False: CELL}
        return " || ',' || ".join(forms[each.is_text].format(each.sql) for each in table.columns.values())
    return JSON_LINE.format(", ".join(f"{each.sql} as {name}" for name, each in table.columns.items()))


def _statement(table: Table, file_format: Format, condition: str) -> str:
    return BATCH.format(
        key=table.key, line=_line(table, file_format), source=table.source, condition=condition.format(key=table.key)
    )


FORMATS: tuple[Format, ...] = ("csv", "ndjson")
# By table and format: the rows behind a key, and those of some keys.
ROWS_AFTER = {(name, each): _statement(table, each, BEHIND_KEY) for name, table in TABLES.items() for each in FORMATS}
ROWS_AMONG = {("fans", each): _statement(TABLES["fans"], each, OF_KEYS) for each in FORMATS}


def header(name: str, file_format: Format) -> str:
    """Return the first line of a file."""
    return ",".join(TABLES[name].columns) + "\n" if file_format == "csv" else ""
