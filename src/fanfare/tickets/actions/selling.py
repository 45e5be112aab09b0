"""The statement that sells tickets: it finds or makes fans and events and writes the lines of one batch at once."""

from fanfare.fans.actions.claims import CUSTOMERS
from fanfare.fans.actions.people import FOUND_MANY
from fanfare.fans.contact import people_named
from fanfare.fans.topics import FAN_IDENTIFIED
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.tickets.topics import TICKET_CREATED, TICKET_EVENT_CREATED, TICKET_EVENT_UPDATED

# The events of a batch, each once, by their places.
EVENTS_GIVEN = Arrays(
    "event",
    {
        "place": "integer",
        "fresh_uid": "uuid",
        **dict.fromkeys(("network", "event_key"), "text"),
        "event_date": "date",
        **dict.fromkeys(("event_name", "venue_name", "artist_name", "venue_province"), "text"),
    },
)
# The lines, each with the places of its person and its event.
LINES_GIVEN = Arrays(
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

# An event is found by its key; a network left out, then or now, is any. Without a key it is found by day and name.
# It stays held until the transaction ends, so that nobody deletes it meanwhile.
EVENTS = f"""
    events_given as materialized (
        select * from {EVENTS_GIVEN.unnest("g")}
    ),
    events_known as materialized (
        select g.place, e.event_uid
        from events_given g
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
            select from ticket_events h where h.account_id = $1 and h.event_uid = e.event_uid for key share
        ) held
    ),
    events_made as (
        insert into ticket_events (account_id, event_uid, event_date, created_at, updated_at, network, event_key,
                                   event_name, venue_name, artist_name, venue_province)
        select $1, fresh_uid, event_date, :now, :now, network, event_key, event_name, venue_name, artist_name,
               venue_province
        from events_given where place not in (select place from events_known)
        returning event_uid
    ),
    events_filled as (
        update ticket_events e
        set venue_name = coalesce(e.venue_name, g.venue_name), artist_name = coalesce(e.artist_name, g.artist_name),
            venue_province = coalesce(e.venue_province, g.venue_province), updated_at = :now
        from events_known k join events_given g on g.place = k.place
        where e.account_id = $1 and e.event_uid = k.event_uid
          and (e.venue_name is null and g.venue_name is not null
               or e.artist_name is null and g.artist_name is not null
               or e.venue_province is null and g.venue_province is not null)
        returning e.event_uid
    ),
    events_of as materialized (
        select place, event_uid from events_known
        union all
        select place, fresh_uid from events_given where place not in (select place from events_known)
    )
"""  # noqa: S608 - fixed parts

LINES = f"""
    lines as materialized (
        select nextval('positions') as ticket_id, l.*
        from hold cross join (
            select who.fan_id, e.event_uid, g.*
            from {LINES_GIVEN.unnest("g", place="place")}
            join who on who.place = g.person
            join events_of e on e.place = g.event
            order by g.place) l
    ),
    sold as (
        insert into tickets (account_id, ticket_id, fan_id, event_uid, purchased_at, created_at, updated_at, num_seats,
                             is_deleted, paid_amount, currency, network, ticket_key, order_key, customer_key,
                             price_code)
        select $1, ticket_id, fan_id, event_uid, purchased_at, :now, :now, num_seats, is_deleted, paid_amount, currency,
               network, ticket_key, order_key, customer_key, price_code
        from lines
    ),
    came as materialized (
        select fold_text(network) as network, customer_key as identifier_value, fan_id, place
        from lines
        where customer_key is not null and {people_named("network")}
    ),
    {CUSTOMERS},
    told as (
        {announce(TICKET_CREATED, "lines", position="ticket_id", at=":now")}
        {also(TICKET_EVENT_CREATED, "events_made", at=":now")}
        {also(TICKET_EVENT_UPDATED, "events_filled", at=":now")}
        {also(FAN_IDENTIFIED, "customers", at=":now")}
    )
    select ticket_id, fan_id from lines order by place
"""  # noqa: S608 - fixed parts

# Two lines of one key, and two events of one key made at once, end in a unique violation: run it with `db.racing`.
SOLD = tuple(
    Sql(f"""
    with {HOLD},
    {statement},
    {EVENTS},
    {LINES}
    """)
    for statement in FOUND_MANY
)
