-- Ads: projects with budget lines, and the figures of ads by day.

create table ad_projects (
    account_id bigint not null references accounts (account_id),
    project_uid uuid not null,
    project_id bigint not null,
    project_name text not null,
    business_id bigint,
    created_at timestamptz not null,
    primary key (account_id, project_uid),
    foreign key (account_id, business_id) references businesses (account_id, business_id)
);
create unique index ad_projects_by_id on ad_projects (account_id, project_id);

create table ad_project_lines (
    account_id bigint not null,
    project_line_uid uuid not null,
    project_line_id bigint not null,
    project_uid uuid not null,
    line_name text not null,
    budget_amount numeric(16, 4) not null,
    notes text not null,
    created_at timestamptz not null,
    primary key (account_id, project_line_uid),
    foreign key (account_id, project_uid) references ad_projects (account_id, project_uid) on delete cascade
);
create unique index ad_project_lines_by_project on ad_project_lines (account_id, project_uid, project_line_id);

-- One row for an ad and a day, however often it is imported. An empty key means that the platform names none.
create table ad_days (
    account_id bigint not null references accounts (account_id),
    figure_date date not null,
    network text not null,
    ad_account_key text not null,
    campaign_key text not null,
    ad_key text not null,
    campaign_name text,
    currency text not null,
    spend numeric(16, 4) not null,
    impressions bigint not null,
    clicks bigint not null,
    conversion_count numeric(16, 4) not null,
    conversion_amount numeric(16, 4) not null,
    offline_conversion_count numeric(16, 4) not null,
    offline_conversion_amount numeric(16, 4) not null,
    custom_conversion_count numeric(16, 4) not null,
    custom_conversion_amount numeric(16, 4) not null,
    custom_offline_conversion_count numeric(16, 4) not null,
    custom_offline_conversion_amount numeric(16, 4) not null,
    updated_at timestamptz not null,
    primary key (account_id, figure_date, network, ad_account_key, campaign_key, ad_key)
);
