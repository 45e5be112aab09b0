-- Live membership: who is in each active filter, kept by a follower of the change log. docs/decisions/0018-live-segments.md

-- How far the follower of an account is in the change log, and the account's day that its filters were read against.
create table segment_progress (
    account_id bigint not null references accounts (account_id),
    position bigint not null,
    followed_on date not null,
    followed_at timestamptz not null,
    primary key (account_id)
);

-- What the members of a filter stand for: the digest of the condition, as it was last built. build_from is the fan
-- behind which a build goes on, null when none is under way; built_at the end of the first build of these criteria.
create table filter_states (
    account_id bigint not null,
    filter_id bigint not null,
    condition_digest bytea not null,
    member_count bigint not null default 0,
    build_from bigint,
    built_at timestamptz,
    primary key (account_id, filter_id),
    foreign key (account_id, filter_id) references filters (account_id, filter_id) on delete cascade
);

-- Written many times a second, so without foreign keys to what all writers share.
create table segment_members (
    account_id bigint not null,
    filter_id bigint not null,
    fan_id bigint not null,
    entered_at timestamptz not null,
    primary key (account_id, filter_id, fan_id)
);

-- Memberships that ended; with the present ones they tell who was in a filter at any moment.
create table segment_stays (
    account_id bigint not null,
    filter_id bigint not null,
    fan_id bigint not null,
    entered_at timestamptz not null,
    left_at timestamptz not null,
    primary key (account_id, filter_id, fan_id, entered_at)
);
create index segment_stays_by_fan on segment_stays (account_id, fan_id);
