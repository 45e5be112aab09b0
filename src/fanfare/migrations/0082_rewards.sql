-- Rewards of performances, and who claimed them.

-- Without a performance a reward is deleted; what was claimed stays.
create table rewards (
    account_id bigint not null,
    reward_uid uuid not null,
    performance_uid uuid,
    reward_title text not null check (reward_title <> ''),
    reward_type text not null,
    fan_points_required bigint not null check (fan_points_required >= 0),
    point_uid uuid,
    atvenu_sales_event_key text,
    atvenu_promo_key text,
    bestring_location_group_id text,
    bestring_promotion_id text,
    stock bigint,
    claim_limit bigint not null check (claim_limit > 0),
    code_type text not null check (code_type in ('none', 'uploaded', 'generated')),
    -- claims that were not undone
    claim_count bigint not null default 0 check (claim_count >= 0 and claim_count <= stock),
    created_at timestamptz not null,
    primary key (account_id, reward_uid),
    foreign key (account_id, point_uid) references points (account_id, point_uid),
    foreign key (account_id, performance_uid) references performances (account_id, performance_uid)
        on delete set null (performance_uid)
);
create index rewards_by_performance on rewards (account_id, performance_uid, created_at, reward_uid)
    where performance_uid is not null;

-- Codes that nobody has yet.
create table reward_codes (
    account_id bigint not null,
    reward_uid uuid not null,
    reward_code text not null,
    primary key (account_id, reward_uid, reward_code),
    foreign key (account_id, reward_uid) references rewards (account_id, reward_uid)
);

create table reward_claims (
    account_id bigint not null,
    reward_claim_id bigint not null,
    reward_uid uuid not null,
    fan_id bigint not null,
    -- what was paid
    point_count bigint not null,
    reward_code text,
    claim_key text,
    created_at timestamptz not null,
    undone_at timestamptz,
    primary key (account_id, reward_claim_id),
    foreign key (account_id, reward_uid) references rewards (account_id, reward_uid)
);
create index reward_claims_by_reward on reward_claims (account_id, reward_uid, reward_claim_id);
create index reward_claims_by_fan on reward_claims (account_id, fan_id, reward_claim_id);
create unique index reward_claims_by_code on reward_claims (account_id, reward_uid, reward_code)
    where reward_code is not null;
