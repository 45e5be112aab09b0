-- Reports: calls whose answer is shared, and the links that show them to people without a key.

create table reports (
    account_id bigint not null references accounts (account_id),
    report_uid uuid not null,
    report_id bigint not null,
    report_name text not null,
    report_type text not null,
    start_date date,
    end_date date,
    -- the other parameters of the call
    options jsonb not null check (jsonb_typeof(options) = 'object'),
    business_id bigint,
    created_at timestamptz not null,
    accessed_at timestamptz,
    primary key (account_id, report_uid),
    foreign key (account_id, business_id) references businesses (account_id, business_id)
);
create unique index reports_by_id on reports (account_id, report_id);

-- The link itself is stored as a hash alone.
create table report_links (
    account_id bigint not null,
    report_link_id bigint not null,
    report_uid uuid not null,
    link_hash bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (account_id, report_link_id),
    foreign key (account_id, report_uid) references reports (account_id, report_uid) on delete cascade
);
create unique index report_links_by_hash on report_links (account_id, link_hash);
create index report_links_by_report on report_links (account_id, report_uid);
