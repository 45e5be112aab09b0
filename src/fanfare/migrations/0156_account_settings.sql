-- What an account changes of itself: its time zone, by a job, and how long it keeps what. docs/decisions/0090-account-settings.md

-- What a change of the time zone counted again: clicks, sales and moves of segments that are of another day now.
create table zone_changes (
    account_id bigint not null references accounts (account_id),
    change_id bigint not null,
    old_time_zone text not null,
    time_zone text not null,
    created_at timestamptz not null,
    completed_at timestamptz,
    click_count bigint not null default 0,
    sale_count bigint not null default 0,
    segment_move_count bigint not null default 0,
    schedule_count bigint not null default 0,
    primary key (account_id, change_id)
);
-- One at a time.
create unique index zone_changes_open on zone_changes (account_id) where completed_at is null;

-- Days that an account keeps something, where they are fewer than the operator's.
create table retention_periods (
    account_id bigint not null references accounts (account_id),
    retention_kind text not null check (retention_kind in ('changes', 'deliveries', 'messages', 'clicks')),
    retention_days integer not null check (retention_days > 0),
    updated_at timestamptz not null,
    primary key (account_id, retention_kind)
);
