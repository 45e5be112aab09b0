"""The statement that sells tickets: it finds or makes fans and events and writes the lines of one batch at once."""

from fanfare.fans.actions.claims import CUSTOMERS
from fanfare.fans.actions.people import FOUND_MANY
from fanfare.fans.contact import people_named
from fanfare.fans.topics import FAN_IDENTIFIED
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.tickets.topics import TICKET_CREATED, TICKET_EVENT_CREATED, TICKET_EVENT_UPDATED

# An event is found by its key; a network left out, then or now, is any. Without a key it is found by day and name.
# It stays held until the transaction ends, so that nobody deletes it meanwhile.
EVENTS = """
    events_given as materialized (
        select * from unnest(
            $22::integer[], $23::uuid[], $24::text[], $25::text[], $26::date[], $27::text[], $28::text[], $29::text[],
            $30::text[]
        ) as g (place, fresh_uid, network, event_key, event_date, event_name, venue_name, artist_name, venue_province)
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
        select $1, fresh_uid, event_date, $20, $20, network, event_key, event_name, venue_name, artist_name,
               venue_province
        from events_given where place not in (select place from events_known)
        returning event_uid
    ),
    events_filled as (
        update ticket_events e
        set venue_name = coalesce(e.venue_name, g.venue_name), artist_name = coalesce(e.artist_name, g.artist_name),
            venue_province = coalesce(e.venue_province, g.venue_province), updated_at = $20
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
"""

LINES = f"""
    lines as materialized (
        select nextval('positions') as ticket_id, l.*
        from hold cross join (
            select who.fan_id, e.event_uid, g.*
            from unnest(
                $31::integer[], $32::integer[], $33::timestamptz[], $34::integer[], $35::boolean[], $36::numeric[],
                $37::text[], $38::text[], $39::text[], $40::text[], $41::text[], $42::text[]
            ) with ordinality
            as g (person, event, purchased_at, num_seats, is_deleted, paid_amount, currency, network, ticket_key,
                  order_key, customer_key, price_code, place)
            join who on who.place = g.person
            join events_of e on e.place = g.event
            order by g.place) l
    ),
    sold as (
        insert into tickets (account_id, ticket_id, fan_id, event_uid, purchased_at, created_at, updated_at, num_seats,
                             is_deleted, paid_amount, currency, network, ticket_key, order_key, customer_key,
                             price_code)
        select $1, ticket_id, fan_id, event_uid, purchased_at, $20, $20, num_seats, is_deleted, paid_amount, currency,
               network, ticket_key, order_key, customer_key, price_code
        from lines
    ),
    came as materialized (
        select fold_text(network) as network, customer_key as identifier_value, fan_id, place
        from lines
        where customer_key is not null and {people_named("network")}
    ),
    {CUSTOMERS.replace("$now", "$20")},
    told as (
        {announce(TICKET_CREATED, "lines", position="ticket_id", at="$20")}
        {also(TICKET_EVENT_CREATED, "events_made", at="$20")}
        {also(TICKET_EVENT_UPDATED, "events_filled", at="$20")}
        {also(FAN_IDENTIFIED, "customers", at="$20")}
    )
    select ticket_id, fan_id from lines order by place
"""  # noqa: S608 - fixed parts

# Two lines of one key, and two events of one key made at once, end in a unique violation: run it with `db.racing`.
SOLD = tuple(
    f"""
    with {HOLD},
    {found},
    {EVENTS},
    {LINES}
    """
    for found in FOUND_MANY
)
