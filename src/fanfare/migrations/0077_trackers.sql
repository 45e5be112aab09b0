-- Trackers: short links that redirect, the clicks on them, and the sales that followed.

-- A host of an account on which its trackers redirect, once it is confirmed.
create table tracker_domains (
    account_id bigint not null references accounts (account_id),
    domain_id bigint not null,
    host text not null,
    confirmation_token text not null,
    created_at timestamptz not null,
    checked_at timestamptz,
    confirmed_at timestamptz,
    is_secure boolean not null default false,
    check_fault text,
    primary key (account_id, domain_id)
);
create unique index tracker_domains_by_host on tracker_domains (account_id, host);
-- Of several accounts that add a host, one can confirm it.
create unique index tracker_domains_confirmed on tracker_domains (host) where confirmed_at is not null;

-- The host '' is that of the operator, whatever its name.
create table trackers (
    account_id bigint not null references accounts (account_id),
    tracker_id bigint not null,
    host text not null,
    tracker_key text not null,
    tracker_name text not null,
    tracker_group_name text not null,
    tracker_marketing_group_name text,
    network text not null,
    target_url text not null,
    purchase_event_wildcard text,
    page_tab_id bigint,
    utm_params jsonb not null default '{}',
    -- whether the target gets the id of the click, which the pixel gives back
    is_click_id_passed boolean not null default true,
    password_hash text,
    expires_at timestamptz,
    -- raised by each change, so that a process can tell whether what it remembers is current
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, tracker_id),
    foreign key (account_id, page_tab_id) references campaigns (account_id, page_tab_id)
);
create unique index trackers_by_key on trackers (account_id, host, tracker_key);
-- All accounts share the operator's host.
create unique index trackers_by_shared_key on trackers (tracker_key) where host = '';
create index trackers_by_wildcard on trackers (account_id, tracker_id) where purchase_event_wildcard is not null;

-- One row for each request of a link, whoever or whatever made it. Only those with the verdict `human` count.
create table tracker_clicks (
    account_id bigint not null,
    click_id bigint not null,
    tracker_id bigint not null,
    clicked_at timestamptz not null,
    -- the browser, known by a cookie of the link's host
    visitor_uid uuid,
    fan_id bigint,
    verdict text not null,
    reason text not null,
    is_repeated boolean not null,
    rules_version text not null,
    method text not null,
    purpose text,
    ip_address text,
    user_agent text,
    url_param_props jsonb,
    primary key (account_id, click_id)
);
create index tracker_clicks_by_tracker on tracker_clicks (account_id, tracker_id, click_id);
create index tracker_clicks_by_visitor on tracker_clicks (account_id, visitor_uid, click_id)
    where visitor_uid is not null;
create index tracker_clicks_by_fan on tracker_clicks (account_id, fan_id, click_id) where fan_id is not null;

-- Clicks by tracker, day of the account and verdict, kept by the statements that write clicks.
create table tracker_click_days (
    account_id bigint not null,
    tracker_id bigint not null,
    figure_date date not null,
    verdict text not null,
    click_count bigint not null,
    primary key (account_id, tracker_id, verdict, figure_date),
    foreign key (account_id, tracker_id) references trackers (account_id, tracker_id) on delete cascade
) with (fillfactor = 50);

-- Attributed sales by tracker, day of the account and currency, kept by the statements that attribute.
create table tracker_sale_days (
    account_id bigint not null,
    tracker_id bigint not null,
    figure_date date not null,
    currency text not null,
    purchase_count numeric(16, 4) not null,
    purchase_amount numeric(20, 4) not null,
    primary key (account_id, tracker_id, figure_date, currency),
    foreign key (account_id, tracker_id) references trackers (account_id, tracker_id) on delete cascade
) with (fillfactor = 50);

-- A sale: reported by the pixel, or a line of an order or a ticket of a fan who had clicked.
create table tracker_events (
    account_id bigint not null references accounts (account_id),
    event_id bigint not null,
    tracker_event_uid uuid not null,
    event_source text not null check (event_source in ('pixel', 'purchase', 'ticket')),
    created_at timestamptz not null,
    purchase_event_name text,
    purchase_amount numeric(16, 4) not null,
    currency text not null,
    quantity integer not null,
    order_key text,
    network text not null default '',
    purchase_key text,
    ticket_id bigint,
    activity_id bigint,
    -- the click that the pixel named, and the browser
    click_id bigint,
    visitor_uid uuid,
    fan_id bigint,
    -- the tracker that the sale belongs to, and whether a click led to it
    tracker_id bigint,
    is_clicked boolean not null,
    ip_address text,
    user_agent text,
    device_type text,
    province text,
    country_code text,
    host_name text,
    purchase_event_details jsonb,
    url_param_props jsonb,
    primary key (account_id, event_id)
);
create unique index tracker_events_by_uid on tracker_events (account_id, tracker_event_uid);
-- A sale counts once, however often a page reports it.
create unique index tracker_events_by_order on tracker_events (account_id, order_key)
    where event_source = 'pixel' and order_key is not null;
create unique index tracker_events_by_purchase on tracker_events (account_id, network, purchase_key)
    where event_source = 'purchase';
create unique index tracker_events_by_ticket on tracker_events (account_id, ticket_id) where event_source = 'ticket';
create index tracker_events_by_order_line on tracker_events (account_id, order_key) where order_key is not null;
create index tracker_events_by_time on tracker_events (account_id, created_at);
create index tracker_events_by_fan on tracker_events (account_id, fan_id) where fan_id is not null;
create index tracker_events_by_visitor on tracker_events (account_id, visitor_uid) where visitor_uid is not null;

-- What part of a sale each click is credited with.
create table tracker_shares (
    account_id bigint not null,
    event_id bigint not null,
    click_id bigint not null,
    tracker_id bigint not null,
    figure_date date not null,
    currency text not null,
    purchase_count numeric(16, 4) not null,
    purchase_amount numeric(20, 4) not null,
    primary key (account_id, event_id, click_id),
    foreign key (account_id, event_id) references tracker_events (account_id, event_id) on delete cascade
);
create index tracker_shares_by_tracker on tracker_shares (account_id, tracker_id);

-- How an account attributes sales, and how far its purchases and tickets have been read.
create table tracker_settings (
    account_id bigint not null references accounts (account_id),
    attribution text not null default 'last_click'
        check (attribution in ('last_click', 'first_click', 'linear')),
    feed_position bigint not null default 0,
    rules_version text not null default '',
    recomputed_to bigint,
    primary key (account_id)
);
