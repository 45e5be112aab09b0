-- Sources of streams: what jobs read, how it went, and when it is read next.

create table stream_sources (
    account_id bigint not null,
    source_id bigint not null,
    stream_id bigint not null,
    source_kind text not null,
    source_name text not null,
    settings jsonb not null check (jsonb_typeof(settings) = 'object'),
    sealed_secret text,
    labels text[] not null,
    interval_minutes integer not null,
    is_enabled boolean not null,
    -- what the next reading needs of the one before, such as an ETag
    reading_state jsonb not null check (jsonb_typeof(reading_state) = 'object'),
    next_at timestamptz not null,
    last_read_at timestamptz,
    last_success_at timestamptz,
    fail_count integer not null,
    last_error text,
    created_at timestamptz not null,
    primary key (account_id, source_id),
    foreign key (account_id, stream_id) references streams (account_id, stream_id) on delete cascade
);
create index stream_sources_by_stream on stream_sources (account_id, stream_id, source_id);
create index stream_sources_by_time on stream_sources (account_id, next_at) where is_enabled;
create index stream_records_by_source on stream_records (account_id, source_id, created_at) where source_id is not null;

-- Pictures of records and authors: scaled copies, by the checksum of their content.
create table stream_pictures (
    account_id bigint not null references accounts (account_id),
    picture_key text not null,
    content bytea not null,
    created_at timestamptz not null,
    primary key (account_id, picture_key)
);
create index stream_authors_by_picture on stream_authors (account_id, picture_key) where picture_key is not null;
