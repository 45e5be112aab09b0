-- Performances (shows, games), and what fans put on their schedule.

create table performances (
    account_id bigint not null references accounts (account_id),
    performance_uid uuid not null,
    performance_name text not null check (performance_name <> ''),
    performance_date date not null,
    onsale_date date,
    announce_date date,
    status text not null default 'draft' check (status in ('draft', 'ready', 'archived')),
    venue_uid uuid,
    venue_name text,
    display_venue_name text,
    city text,
    province text,
    country_code text,
    metro_area text,
    promoter text,
    artist_name text,
    additional_artist_names text[] not null default '{}',
    campaign_event_key text,
    performance_url text,
    buying_group text,
    performance_group_name text,
    label_name text,
    outlet text,
    vendor text,
    notes text,
    business_id bigint,
    referral_page_tab_id bigint,
    fb_ad_account_id text,
    fb_event_id text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, performance_uid)
);
create index performances_by_date on performances (account_id, performance_date, performance_uid);

create table fan_performances (
    account_id bigint not null,
    fan_id bigint not null,
    performance_uid uuid not null,
    created_at timestamptz not null,
    primary key (account_id, fan_id, performance_uid),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade,
    foreign key (account_id, performance_uid) references performances (account_id, performance_uid) on delete cascade
);
create index fan_performances_by_performance on fan_performances (account_id, performance_uid);

create table fan_events (
    account_id bigint not null,
    fan_id bigint not null,
    event_uid uuid not null,
    created_at timestamptz not null,
    primary key (account_id, fan_id, event_uid),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade,
    foreign key (account_id, event_uid) references idol_events (account_id, event_uid) on delete cascade
);
create index fan_events_by_event on fan_events (account_id, event_uid);
