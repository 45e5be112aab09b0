-- Imports of files. import_id is a position. The file is gone when has_file is false; is_utf8 says
-- whether all of it is UTF-8. columns, dialect, mapping and
-- constants say how its rows are read. A run continues at run_offset of the file with the row run_row; those before are
-- written. The counts are those of the last run.
create table imports (
    account_id bigint not null references accounts (account_id),
    import_id bigint not null,
    import_uid uuid not null,
    kind text not null,
    import_name text,
    file_format text not null check (file_format in ('csv', 'ndjson')),
    import_state text not null check (import_state in (
        'uploading', 'ready', 'checking', 'importing', 'completed', 'failed', 'undoing', 'undone')),
    has_file boolean not null default true,
    file_bytes bigint not null default 0,
    is_utf8 boolean not null default true,
    columns text[] not null default '{}',
    dialect jsonb not null default '{}',
    mapping jsonb not null default '{}',
    constants jsonb not null default '{}',
    run_offset bigint not null default 0,
    run_row bigint not null default 0,
    row_count bigint not null default 0,
    created_count bigint not null default 0,
    matched_count bigint not null default 0,
    error_count bigint not null default 0,
    refused_count bigint not null default 0,
    kept_count bigint not null default 0,
    undone_count bigint not null default 0,
    failure_count integer not null default 0,
    failure text,
    created_at timestamptz not null,
    uploaded_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz not null,
    primary key (account_id, import_id)
);
create unique index imports_by_uid on imports (account_id, import_uid);
create index imports_due on imports (account_id)
    where import_state in ('checking', 'importing', 'undoing');

-- The rows that were refused, by their number in the file (the header is row 1), with each wrong field. They repeat no
-- value of the row: the file has it.
create table import_faults (
    account_id bigint not null,
    import_id bigint not null,
    row_number bigint not null,
    row_offset bigint not null,
    faults jsonb not null,
    primary key (account_id, import_id, row_number),
    foreign key (account_id, import_id) references imports (account_id, import_id) on delete cascade
);

-- What each batch of rows created, so that it can be undone; last_position is the newest position of that time.
create table import_batches (
    account_id bigint not null,
    import_id bigint not null,
    batch_number bigint not null,
    created_ids bigint[] not null,
    last_position bigint not null,
    primary key (account_id, import_id, batch_number),
    foreign key (account_id, import_id) references imports (account_id, import_id) on delete cascade
);
