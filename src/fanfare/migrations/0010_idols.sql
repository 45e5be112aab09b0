-- Idols (artists, teams, sponsors, podcasts), their events, and the fans who follow them.

create table idols (
    account_id bigint not null references accounts (account_id),
    idol_uid uuid not null,
    idol_name text not null check (idol_name <> ''),
    idol_type text not null check (idol_type in ('artist', 'sponsor', 'podcast', 'team', 'other')),
    spotify_uid text,
    artist_id text,
    discovery_id text,
    description text,
    media_uid uuid,
    image_url text,
    link_url text,
    spotify_follower_count bigint check (spotify_follower_count >= 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, idol_uid),
    check ((idol_type = 'artist') = (spotify_uid is not null))
);
create unique index idols_by_name on idols (account_id, lower(idol_name));
create index idols_by_name_part on idols using gin (account_id, idol_name gin_trgm_ops);

create table idol_labels (
    account_id bigint not null,
    idol_uid uuid not null,
    label_name text not null check (label_name <> ''),
    primary key (account_id, idol_uid, label_name),
    foreign key (account_id, idol_uid) references idols (account_id, idol_uid) on delete cascade
);
create index idol_labels_by_name on idol_labels (account_id, lower(label_name));

-- is_explicit: the fan chose the idol; otherwise the following was concluded from something else.
create table fan_idols (
    account_id bigint not null,
    idol_uid uuid not null,
    fan_id bigint not null,
    is_explicit boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, idol_uid, fan_id),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade
);
create index fan_idols_by_fan on fan_idols (account_id, fan_id, idol_uid);

-- Times are the venue's own, without a zone: what stands on the poster.
create table idol_events (
    account_id bigint not null,
    event_uid uuid not null,
    idol_uid uuid not null,
    performance_uid uuid,
    event_name text,
    starts_at timestamp not null,
    ends_at timestamp,
    venue_name text,
    display_venue_name text,
    city text,
    province text,
    country_code text,
    event_url text,
    ticket_url text,
    label_name text,
    media_uid uuid,
    image_url text,
    is_available boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, event_uid),
    foreign key (account_id, idol_uid) references idols (account_id, idol_uid) on delete cascade,
    check (ends_at >= starts_at)
);
create index idol_events_by_time on idol_events (account_id, starts_at, event_uid);
create index idol_events_by_idol on idol_events (account_id, idol_uid, starts_at);
create index idol_events_by_performance on idol_events (account_id, performance_uid, starts_at);
