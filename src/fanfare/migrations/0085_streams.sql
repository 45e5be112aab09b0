-- Streams: walls of social content, their authors and records, and counts by day.

create table streams (
    account_id bigint not null references accounts (account_id),
    stream_id bigint not null,
    stream_key text not null,
    stream_name text not null,
    props jsonb not null check (jsonb_typeof(props) = 'object'),
    media_map jsonb not null check (jsonb_typeof(media_map) = 'object'),
    virtual_domain text,
    css_text text not null,
    javascript_text text not null,
    -- how many records a page has
    record_limit integer not null,
    -- whose records are published at once: open, known or moderated
    trust_level text not null,
    is_public boolean not null,
    has_word_list boolean not null,
    -- how many records of an author are taken in an hour
    author_limit integer not null,
    retention_days integer,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- a job deletes its records, and then the row
    deleted_at timestamptz,
    primary key (account_id, stream_id)
);
-- A wall that is embedded anywhere names the stream alone.
create unique index streams_by_key on streams (stream_key);

create table stream_authors (
    account_id bigint not null,
    author_id bigint not null,
    stream_id bigint not null,
    network text not null,
    -- the author's key at the network; of records that sites submit, the folded email address or name
    author_key text not null,
    screen_name text,
    author_name text,
    author_url text,
    author_image_url text,
    picture_key text,
    -- new, trusted or blocked
    author_status text not null,
    fan_id bigint,
    stored_count bigint not null,
    approved_count bigint not null,
    created_at timestamptz not null,
    primary key (account_id, author_id),
    foreign key (account_id, stream_id) references streams (account_id, stream_id) on delete cascade
);
create unique index stream_authors_by_key on stream_authors (account_id, stream_id, network, author_key);
create index stream_authors_by_stream on stream_authors (account_id, stream_id, author_id);
create index stream_authors_by_fan on stream_authors (account_id, fan_id) where fan_id is not null;

create table stream_records (
    account_id bigint not null,
    feed_record_id bigint not null,
    stream_id bigint not null,
    source_id bigint,
    network text not null,
    -- the record's key at its source
    record_key text not null,
    author_id bigint not null,
    fan_id bigint,
    -- approved, waiting or removed
    record_status text not null,
    -- the place on the wall, where it is approved
    time_position bigint check ((time_position is not null) = (record_status = 'approved')),
    approved_at timestamptz,
    created_at timestamptz not null,
    stored_at timestamptz not null,
    caption text not null,
    record_url text,
    image_url text,
    picture_key text,
    video_url text,
    links jsonb not null check (jsonb_typeof(links) = 'array'),
    latitude double precision,
    longitude double precision,
    sku text,
    labels text[] not null,
    -- words, hashtags, and what filters look for
    terms text[] not null,
    -- followers of the author, at that time
    reach bigint not null,
    props jsonb not null check (jsonb_typeof(props) = 'object'),
    primary key (account_id, feed_record_id),
    foreign key (account_id, stream_id) references streams (account_id, stream_id) on delete cascade,
    foreign key (account_id, author_id) references stream_authors (account_id, author_id)
);
create unique index stream_records_by_key on stream_records (account_id, stream_id, network, record_key);
create unique index stream_records_by_position on stream_records (account_id, stream_id, time_position)
    where time_position is not null;
create index stream_records_by_id on stream_records (account_id, stream_id, feed_record_id);
create index stream_records_by_term on stream_records using gin (account_id, stream_id, terms)
    where time_position is not null;
create index stream_records_by_place on stream_records (account_id, stream_id, latitude)
    where time_position is not null and latitude is not null;
create index stream_records_by_day on stream_records (account_id, stream_id, created_at, record_status);
create index stream_records_by_author on stream_records (account_id, author_id, stored_at);
create index stream_records_by_fan on stream_records (account_id, fan_id) where fan_id is not null;
create index stream_records_by_picture on stream_records (account_id, picture_key) where picture_key is not null;

-- Counts by day in GMT. An empty label stands for all records.
create table stream_days (
    account_id bigint not null,
    stream_id bigint not null,
    label_key text not null,
    record_date date not null,
    stored_count bigint not null,
    approved_count bigint not null,
    reach bigint not null,
    primary key (account_id, stream_id, label_key, record_date),
    foreign key (account_id, stream_id) references streams (account_id, stream_id) on delete cascade
);

-- Authors with an approved record.
create table stream_author_counts (
    account_id bigint not null,
    stream_id bigint not null,
    author_count bigint not null,
    primary key (account_id, stream_id),
    foreign key (account_id, stream_id) references streams (account_id, stream_id) on delete cascade
);
