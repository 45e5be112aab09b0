"""The statement that sells tickets: matches or creates fans and events and inserts the lines of one batch."""

from fanfare.fans.actions.claims import CLAIM_KEYS
from fanfare.fans.actions.people import MATCH, FanStatements, LightStatement
from fanfare.fans.contact import identifies_people_sql
from fanfare.fans.topics import FAN_IDENTIFIED
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.sql import Arrays
from fanfare.tickets.topics import TICKET_CREATED, TICKET_EVENT_CREATED, TICKET_EVENT_UPDATED

# The events of a batch, without duplicates.
EVENT_ARRAYS = Arrays(
    "event",
    {
        "place": "integer",
        "new_uid": "uuid",
        **dict.fromkeys(("network", "event_key"), "text"),
        "event_date": "date",
        **dict.fromkeys(("event_name", "venue_name", "artist_name", "venue_province"), "text"),
    },
)
# The lines of a batch; `person` and `event` are places in the other arrays.
LINE_ARRAYS = Arrays(
    "line",
    {
        **dict.fromkeys(("person", "event"), "integer"),
        "purchased_at": "timestamptz",
        "num_seats": "integer",
        "is_deleted": "boolean",
        "paid_amount": "numeric",
        **dict.fromkeys(("currency", "network", "ticket_key", "order_key", "customer_key", "price_code"), "text"),
    },
)

# An event is matched by its key and network, where a missing network on either side matches any; without a key, by day
# and name. It stays locked until the transaction ends, so that it is not deleted meanwhile.
EXISTING_EVENTS = """
    existing_events as materialized (
        select g.place, e.event_uid
        from input_events g
        cross join lateral (
            (select k.event_uid from ticket_events k
             where k.account_id = $1 and k.event_key = g.event_key
               and (k.network = g.network or k.network = '' or g.network = '')
             order by k.network <> g.network, k.created_at, k.event_uid limit 1)
            union all
            (select k.event_uid from ticket_events k
             where g.event_key is null and k.account_id = $1 and k.event_date = g.event_date
               and fold_text(k.event_name) = fold_text(g.event_name)
             order by k.event_key is not null, k.created_at, k.event_uid limit 1)
        ) e
        cross join lateral (
            select from ticket_events h where h.account_id = $1 and h.event_uid = e.event_uid {condition} for key share
        ) locked_event
    )
"""
# Whether an input `g` has a value for an empty column of an event `h`.
FILLS = """(h.venue_name is null and g.venue_name is not null
               or h.artist_name is null and g.artist_name is not null
               or h.venue_province is null and g.venue_province is not null)"""
EVENTS = f"""
    input_events as materialized (
        select * from {EVENT_ARRAYS.unnest("g")}
    ),
    {EXISTING_EVENTS.format(condition="")},
    new_events as (
        insert into ticket_events (account_id, event_uid, event_date, created_at, updated_at, network, event_key,
                                   event_name, venue_name, artist_name, venue_province)
        select $1, new_uid, event_date, :now, :now, network, event_key, event_name, venue_name, artist_name,
               venue_province
        from input_events where place not in (select place from existing_events)
        returning event_uid
    ),
    updated_events as (
        update ticket_events h
        set venue_name = coalesce(h.venue_name, g.venue_name), artist_name = coalesce(h.artist_name, g.artist_name),
            venue_province = coalesce(h.venue_province, g.venue_province), updated_at = :now
        from existing_events k join input_events g on g.place = k.place
        where h.account_id = $1 and h.event_uid = k.event_uid and {FILLS}
        returning h.event_uid
    ),
    resolved_events as materialized (
        select place, event_uid from existing_events
        union all
        select place, new_uid from input_events where place not in (select place from existing_events)
    )
"""  # noqa: S608 - fixed parts

INSERT_TICKETS = """
        insert into tickets (account_id, ticket_id, fan_id, event_uid, purchased_at, created_at, updated_at, num_seats,
                             is_deleted, paid_amount, currency, network, ticket_key, order_key, customer_key,
                             price_code)
        select $1, ticket_id, fan_id, event_uid, purchased_at, :now, :now, num_seats, is_deleted, paid_amount, currency,
               network, ticket_key, order_key, customer_key, price_code
        from lines
"""
LINES = f"""
    lines as materialized (
        select nextval('positions') as ticket_id, l.*
        from hold cross join (
            select resolved.fan_id, e.event_uid, g.*
            from {LINE_ARRAYS.unnest("g", place="place")}
            join resolved on resolved.place = g.person
            join resolved_events e on e.place = g.event
            order by g.place) l
    ),
    insert_tickets as ({INSERT_TICKETS}),
    keys as materialized (
        select fold_text(network) as network, customer_key as identifier_value, fan_id, place
        from lines
        where customer_key is not null and {identifies_people_sql("network")}
    ),
    {CLAIM_KEYS},
    announced_tickets as (
        {announce(TICKET_CREATED, "lines", position="ticket_id", at=":now")}
        {also(TICKET_EVENT_CREATED, "new_events", at=":now")}
        {also(TICKET_EVENT_UPDATED, "updated_events", at=":now")}
        {also(FAN_IDENTIFIED, "new_owners", at=":now")}
    )
    select ticket_id, fan_id from lines order by place
"""  # noqa: S608 - fixed parts

# Concurrent inserts of the same ticket or event key end in a unique violation: run it with `db.retry_conflicts`.
SELL = FanStatements(f"""
    with {HOLD},
    {MATCH},
    {EVENTS},
    {LINES}
""")
# A single ticket with a new key, of an event that is there and that it does not complete, and of a fan who owns the
# customer key. For anything else it writes nothing.
SELL_LIGHT = LightStatement(f"""
    with {HOLD},
    {MATCH},
    input_events as (
        select * from {EVENT_ARRAYS.one("g")}
    ),
    {EXISTING_EVENTS.format(condition=f"and {FILLS} is not true")},
    lines as materialized (
        select nextval('positions') as ticket_id, resolved.fan_id, e.event_uid, g.*
        from hold cross join {LINE_ARRAYS.one("g")} cross join resolved cross join existing_events e
        where g.customer_key is null or not ({identifies_people_sql("g.network")}) or exists (
            select from fan_identifiers i
            where i.account_id = $1 and i.network = fold_text(g.network) and i.identifier_value = g.customer_key
              and i.fan_id = resolved.fan_id)
    ),
    inserted as (
        {INSERT_TICKETS}
        on conflict (account_id, ticket_key, network) where ticket_key is not null do nothing
        returning ticket_id, fan_id, event_uid
    ),
    announced_tickets as (
        {announce(TICKET_CREATED, "inserted", position="ticket_id", at=":now")}
    )
    select ticket_id, fan_id from inserted
""")  # noqa: S608 - fixed parts
