-- Jobs that do something with many fans. fan_job_id is a position. criteria and search_uid say which fans until these are
-- fixed in fan_job_chunks; then fan_count has their number and criteria, which may name a person, are gone.
create table fan_jobs (
    account_id bigint not null references accounts (account_id),
    fan_job_id bigint not null,
    fan_job_uid uuid not null,
    job_action text not null check (job_action in ('tag', 'untag', 'award', 'export', 'snapshot', 'erase')),
    job_state text not null check (job_state in ('running', 'completed', 'failed', 'cancelled')),
    criteria jsonb,
    search_uid uuid,
    tag_name text,
    point_uid uuid,
    point_count bigint,
    snapshot_name text,
    expected_count bigint,
    fan_count bigint,
    next_chunk integer not null default 0,
    done_count bigint not null default 0,
    changed_count bigint not null default 0,
    result_uid uuid,
    failure_count integer not null default 0,
    failure text,
    created_at timestamptz not null,
    finished_at timestamptz,
    updated_at timestamptz not null,
    primary key (account_id, fan_job_id)
);
create unique index fan_jobs_by_uid on fan_jobs (account_id, fan_job_uid);
create index fan_jobs_due on fan_jobs (account_id) where job_state = 'running';

create table fan_job_chunks (
    account_id bigint not null,
    fan_job_id bigint not null,
    chunk_number integer not null,
    fan_ids bigint[] not null,
    primary key (account_id, fan_job_id, chunk_number),
    foreign key (account_id, fan_job_id) references fan_jobs (account_id, fan_job_id)
);
