-- Fans who ask for erasure. request_id is the position of the change that announced it. Beyond the fan's id nothing here is
-- about the person: the row stays as the proof of what was asked for and done.
create table erasure_requests (
    account_id bigint not null references accounts (account_id),
    erasure_request_id bigint not null,
    fan_id bigint not null,
    request_state text not null default 'waiting'
        check (request_state in ('waiting', 'withdrawn', 'refused', 'done')),
    request_source text not null,
    business_id bigint,
    request_language text not null default '',
    created_at timestamptz not null,
    due_at timestamptz not null,
    -- when it is carried out without staff; null where staff decide
    erase_at timestamptz,
    decided_at timestamptz,
    erasure_id bigint,
    primary key (account_id, erasure_request_id)
);
create unique index erasure_requests_waiting on erasure_requests (account_id, fan_id) where request_state = 'waiting';
create index erasure_requests_by_fan on erasure_requests (account_id, fan_id);

-- Days after which requests are carried out without staff; no row where staff decide.
create table erasure_settings (
    account_id bigint not null references accounts (account_id),
    automatic_days integer not null check (automatic_days between 0 and 30),
    primary key (account_id)
);
