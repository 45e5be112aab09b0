-- Exports of tables and searches. export_id and watermark are positions. A run continues behind last_key, which is the key of
-- a row, or the number of a row of the search. checksum is the CRC-32 of the content so far.
create table exports (
    account_id bigint not null references accounts (account_id),
    export_id bigint not null,
    export_uid uuid not null,
    table_name text not null,
    file_format text not null check (file_format in ('csv', 'ndjson')),
    export_name text,
    search_uid uuid,
    export_state text not null check (export_state in ('running', 'completed', 'failed')),
    has_file boolean not null default true,
    watermark bigint not null,
    last_key bigint not null default 0,
    row_count bigint not null default 0,
    content_bytes bigint not null default 0,
    file_bytes bigint not null default 0,
    checksum bigint not null default 0,
    sha256 bytea,
    failure_count integer not null default 0,
    failure text,
    created_at timestamptz not null,
    finished_at timestamptz,
    updated_at timestamptz not null,
    primary key (account_id, export_id)
);
create unique index exports_by_uid on exports (account_id, export_uid);
create index exports_due on exports (account_id) where export_state = 'running';
