-- Work that failed for one account, or for one thing of it, and is kept apart from the rest until it is tried again.
-- subject_id is the thing, such as a filter by its filter_id; empty for the account as a whole. `fault` says what is
-- wrong without quoting what belongs to a person. No foreign key: the calls of strangers are counted under no account.
create table faults (
    account_id bigint not null,
    job_name text not null,
    subject_id text not null,
    fault text not null,
    fail_count integer not null,
    failed_at timestamptz not null,
    retry_at timestamptz not null,
    primary key (account_id, job_name, subject_id)
);
