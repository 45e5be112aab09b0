-- Registrations of wristbands and tickets, scans at gates, and passes that admit once.

-- A registration is known by its registration_key in its network. registration_id is the position of its first change.
create table registrations (
    account_id bigint not null,
    network text not null,
    registration_key text not null,
    registration_id bigint not null,
    fan_id bigint,
    activity_id bigint,
    registered_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    event_name text not null,
    event_date date not null,
    event_key text,
    venue_name text,
    order_key text,
    ticket_key text,
    barcode text,
    lookup_id text,
    is_minor boolean,
    is_preferred boolean not null default false,
    -- what the line said on consent: sent again, it says nothing anew
    is_subscribed boolean,
    is_phone_subscribed boolean,
    first_name text,
    last_name text,
    email text,
    mail_key text,
    phone text,
    birth_date date,
    address text,
    city text,
    province text,
    country_code text,
    postal_code text,
    primary key (account_id, network, registration_key)
);
create index registrations_by_time on registrations (account_id, registered_at);
create index registrations_by_fan on registrations (account_id, fan_id, registered_at);
create index registrations_by_mail on registrations (account_id, mail_key);
create index registrations_by_barcode on registrations (account_id, network, barcode) where barcode is not null;
create index registrations_by_event on registrations (account_id, event_date, lower(event_name));

-- What passes may be for: the floor, the camping ground, Saturday. capacity null is no limit.
create table pass_sections (
    account_id bigint not null,
    section_uid uuid not null,
    page_tab_id bigint not null,
    section_name text not null check (section_name <> ''),
    capacity integer check (capacity >= 0),
    pass_count integer not null default 0 check (pass_count >= 0),
    created_at timestamptz not null,
    primary key (account_id, section_uid),
    foreign key (account_id, page_tab_id) references campaigns (account_id, page_tab_id),
    check (pass_count <= capacity)
);
create unique index pass_sections_by_name on pass_sections (account_id, page_tab_id, lower(section_name));

-- A pass is used when checked_in_at is set, which happens once: at a gate that asked, under a key of its own
-- (check_in_key), or by a scan that was sent later (scan_key). pass_id is the position of the pass's first change.
create table passes (
    account_id bigint not null,
    pass_uid uuid not null,
    pass_id bigint not null,
    pass_code text not null check (length(pass_code) = 8),
    page_tab_id bigint not null,
    section_uid uuid,
    -- whom it was made for, and who holds it now
    fan_id bigint,
    claim_fan_id bigint,
    claimed_at timestamptz,
    transferred_at timestamptz,
    cancelled_at timestamptz,
    checked_in_at timestamptz,
    gate_name text,
    check_in_key text,
    scan_key bigint,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, pass_uid),
    foreign key (account_id, page_tab_id) references campaigns (account_id, page_tab_id),
    foreign key (account_id, section_uid) references pass_sections (account_id, section_uid)
);
create unique index passes_by_code on passes (account_id, pass_code);
create index passes_by_campaign on passes (account_id, page_tab_id, pass_id);
create index passes_by_fan on passes (account_id, fan_id) where fan_id is not null;
create index passes_by_claimant on passes (account_id, claim_fan_id) where claim_fan_id is not null;

-- Codes that a transfer ended, so that a gate can say so to who comes with one.
create table ended_pass_codes (
    account_id bigint not null,
    pass_code text not null,
    pass_uid uuid not null,
    ended_at timestamptz not null,
    primary key (account_id, pass_code),
    foreign key (account_id, pass_uid) references passes (account_id, pass_uid)
);

-- scan_key is the position of the scan's change: what it pages by. source_key makes a scan that is sent twice one.
create table scans (
    account_id bigint not null,
    scan_key bigint not null,
    network text not null,
    source_key text not null,
    scan_group_name text not null,
    scanned_at timestamptz not null,
    created_at timestamptz not null,
    is_success boolean not null,
    -- why a pass was not let in: refused_at_gate, unknown_pass, pass_transferred, pass_cancelled,
    -- pass_already_used
    refusal text,
    access_mode text,
    site_name text,
    site_id text,
    node_name text,
    zone_name text,
    registration_key text,
    ticket_order_key text,
    barcode text,
    event_key text,
    event_name text,
    event_date date,
    venue_name text,
    pass_code text,
    pass_uid uuid,
    check_in_key text,
    primary key (account_id, scan_key)
);
create unique index scans_by_source on scans (account_id, network, source_key);
create index scans_by_group on scans (account_id, network, scan_group_name, scan_key);
create index scans_by_pass on scans (account_id, pass_uid, scan_key) where pass_uid is not null;
create index scans_by_registration on scans (account_id, network, registration_key) where registration_key is not null;
create index scans_by_barcode on scans (account_id, network, barcode) where barcode is not null;
