-- Exports that repeat. schedule_id is a position; schedule_hour is in the account's zone, weekdays are 1 (Monday) to 7, and
-- a day that a month does not have is its last one. search has the parameters of a search of fans, null for all rows.
create table export_schedules (
    account_id bigint not null references accounts (account_id),
    schedule_id bigint not null,
    schedule_uid uuid not null,
    schedule_name text,
    table_name text not null,
    file_format text not null check (file_format in ('csv', 'ndjson', 'parquet')),
    search jsonb,
    frequency text not null check (frequency in ('daily', 'weekly', 'monthly')),
    schedule_hour integer not null check (schedule_hour between 0 and 23),
    weekday integer check (weekday between 1 and 7),
    month_day integer check (month_day between 1 and 31),
    retention_days integer not null check (retention_days between 1 and 90),
    is_active boolean not null,
    next_run_at timestamptz not null,
    last_run_at timestamptz,
    last_failure text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, schedule_id)
);
create unique index export_schedules_by_uid on export_schedules (account_id, schedule_uid);
create index export_schedules_due on export_schedules (next_run_at) where is_active;

-- The schedule of an export, and for how long its file stays.
alter table exports add column schedule_id bigint;
alter table exports add column retention_days integer not null default 7;
create index exports_by_schedule on exports (account_id, schedule_id, export_id) where schedule_id is not null;
