-- Points: categories, awards, and what is kept beside them so that balances and ranks are read, not computed.

create table points (
    account_id bigint not null references accounts (account_id),
    point_uid uuid not null,
    point_name text not null check (point_name <> ''),
    description text,
    is_active boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, point_uid)
);
create unique index points_by_name on points (account_id, lower(point_name));

-- One row is one booking, negative when spent. fan_point_id is the position of its change.
create table fan_points (
    account_id bigint not null,
    fan_point_id bigint not null,
    fan_point_uid uuid not null,
    fan_id bigint not null,
    point_uid uuid not null,
    point_count bigint not null,
    point_type text not null default 'points',
    point_source text,
    page_tab_id bigint,
    activity_id bigint,
    session_uid uuid,
    reward_uid uuid,
    performance_uid uuid,
    award_key text,
    award_signature text,
    ip_address text,
    props jsonb not null default '{}',
    created_at timestamptz not null,
    primary key (account_id, fan_point_id)
);
create unique index fan_points_by_award_key on fan_points (account_id, award_key) where award_key is not null;
create index fan_points_by_fan on fan_points (account_id, fan_id, fan_point_id);
create index fan_points_by_point on fan_points (account_id, point_uid, created_at) include (fan_id, point_count);
create index fan_points_by_campaign on fan_points (account_id, page_tab_id, created_at) include (fan_id, point_count)
    where page_tab_id is not null;
create index fan_points_by_time on fan_points (account_id, created_at, fan_point_id);

-- The sum of a fan's bookings on each board: `point:<point_uid>` or `campaign:<page_tab_id>`.
create table standings (
    account_id bigint not null,
    board text not null,
    fan_id bigint not null,
    total bigint not null,
    award_count bigint not null,
    primary key (account_id, board, fan_id)
);
create index standings_by_total on standings (account_id, board, total desc, fan_id);
create index standings_by_fan on standings (account_id, fan_id);

-- How many fans of a board stand in each bucket of totals: level 0 finely, level 1 for 128 buckets at once.
create table standing_buckets (
    account_id bigint not null,
    board text not null,
    level smallint not null,
    bucket integer not null,
    fan_count bigint not null,
    primary key (account_id, board, level, bucket)
) with (fillfactor = 50);

create table hidden_fans (
    account_id bigint not null references accounts (account_id),
    fan_id bigint not null,
    created_at timestamptz not null,
    primary key (account_id, fan_id)
);

-- The bucket of a total: the total itself up to 2047, above that its eleven leading bits. Never falls as totals grow.
create function standing_bucket(total bigint) returns integer
language sql immutable parallel safe
return case
    when abs(total) < 2048 then total::integer
    else (sign(total) * (
        (length(ltrim(abs(total)::bit(64)::text, '0')) - 11) * 1024
        + (abs(total) >> (length(ltrim(abs(total)::bit(64)::text, '0')) - 11))
    ))::integer
end;

-- The greatest total of a bucket.
create function standing_bucket_top(bucket integer) returns bigint
language sql immutable parallel safe
return case
    when abs(bucket) < 2048 then bucket::bigint
    when bucket > 0 then ((bucket - ((bucket >> 10) - 1) * 1024 + 1)::bigint << ((bucket >> 10) - 1)) - 1
    else -((-bucket - ((-bucket >> 10) - 1) * 1024)::bigint << ((-bucket >> 10) - 1))
end;

-- A whole number out of a text that may hold anything; null for anything else.
create function whole_number(given text) returns bigint
language sql immutable parallel safe
return case when given ~ '^[0-9]{1,15}$' then given::bigint end;
