-- Endpoints of customers, and what is delivered to them from the change log.

-- webhook_id is a position. Changes up to begins_after are not delivered. Something waits to be sent when due_at is not
-- null; one worker at a time sends to an endpoint, until lease_ends_at. first_failure_at is the first failure since the last
-- success, failure_count the number of failures since then.
create table webhooks (
    account_id bigint not null references accounts (account_id),
    webhook_id bigint not null,
    webhook_uid uuid not null,
    url text not null,
    topics text[] not null,
    business_id bigint,
    filter_uid uuid,
    description text,
    payload_format text not null check (payload_format in ('standard', 'cloudevents')),
    is_enabled boolean not null,
    disable_reason text check (disable_reason in ('gone', 'failing')),
    begins_after bigint not null,
    first_failure_at timestamptz,
    failure_count integer not null default 0,
    due_at timestamptz,
    lease_ends_at timestamptz not null default '-infinity',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, webhook_id)
);
create unique index webhooks_by_uid on webhooks (account_id, webhook_uid);
create index webhooks_due on webhooks (account_id, due_at) where due_at is not null and is_enabled;

-- The secrets that sign, sealed by a key that is not in the database; several are valid while one is replaced.
create table webhook_secrets (
    account_id bigint not null,
    webhook_id bigint not null,
    secret_id bigint not null,
    sealed_secret text not null,
    created_at timestamptz not null,
    ends_at timestamptz,
    primary key (account_id, webhook_id, secret_id),
    foreign key (account_id, webhook_id) references webhooks (account_id, webhook_id) on delete cascade
);

-- Up to which position the change log of an account was read for its webhooks.
create table webhook_progress (
    account_id bigint not null references accounts (account_id),
    position bigint not null,
    primary key (account_id)
);

-- A change for an endpoint; delivery_id is a position. Deliveries of a lane (those about one fan, else one subject) are
-- sent one after the other. What the receiver said last is bounded.
create table webhook_deliveries (
    account_id bigint not null,
    delivery_id bigint not null,
    webhook_id bigint not null,
    position bigint not null,
    topic text not null,
    lane bigint not null,
    is_replay boolean not null default false,
    delivery_state text not null default 'waiting' check (delivery_state in ('waiting', 'delivered', 'failed')),
    try_count integer not null default 0,
    due_at timestamptz not null,
    created_at timestamptz not null,
    tried_at timestamptz,
    response_status integer,
    response_body text,
    failure text,
    duration_ms integer,
    primary key (account_id, delivery_id),
    foreign key (account_id, webhook_id) references webhooks (account_id, webhook_id) on delete cascade
);
create index webhook_deliveries_by_webhook on webhook_deliveries (account_id, webhook_id, delivery_id);
create index webhook_deliveries_first on webhook_deliveries (account_id, webhook_id, delivery_id)
    where delivery_state = 'waiting' and try_count = 0;
create index webhook_deliveries_again on webhook_deliveries (account_id, webhook_id, due_at)
    where delivery_state = 'waiting' and try_count > 0;
create index webhook_deliveries_by_lane on webhook_deliveries (account_id, lane);
