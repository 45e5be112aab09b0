-- Ticketed events, and the ticket lines that fans bought for them.

-- An event is known by its key in a ticketing network, or without one by its day and name. Network '' is none.
create table ticket_events (
    account_id bigint not null references accounts (account_id),
    event_uid uuid not null,
    event_date date not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    network text not null default '',
    event_key text,
    event_name text not null check (event_name <> ''),
    venue_name text,
    venue_province text,
    artist_name text,
    notes text,
    label_name text,
    event_type text,
    primary key (account_id, event_uid)
);
create unique index ticket_events_by_key on ticket_events (account_id, event_key, network) where event_key is not null;
create unique index ticket_events_by_day on ticket_events (account_id, event_date, lower(event_name))
    where event_key is null;
create index ticket_events_by_name on ticket_events (account_id, lower(event_name), event_date);
create index ticket_events_by_venue on ticket_events (account_id, lower(venue_name));
create index ticket_events_by_artist on ticket_events (account_id, lower(artist_name));
create index ticket_events_by_date on ticket_events (account_id, event_date);

-- One line of an order. ticket_id is the position of its first change, so that it pages without gaps. Who bought it is
-- the fan's to tell: a line keeps nothing personal but the customer's key in the ticketing network.
create table tickets (
    account_id bigint not null,
    ticket_id bigint not null,
    fan_id bigint not null,
    event_uid uuid not null,
    purchased_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    num_seats integer not null check (num_seats between 0 and 1000000),
    is_deleted boolean not null default false,
    paid_amount numeric(16, 4) not null,
    currency text not null,
    network text not null default '',
    ticket_key text,
    order_key text,
    customer_key text,
    price_code text,
    primary key (account_id, ticket_id)
);
create unique index tickets_by_key on tickets (account_id, ticket_key, network) where ticket_key is not null;
create index tickets_by_fan on tickets (account_id, fan_id);
create index tickets_by_event on tickets (account_id, event_uid, fan_id);
create index tickets_by_purchase on tickets (account_id, purchased_at, fan_id);
create index tickets_by_update on tickets (account_id, updated_at);
