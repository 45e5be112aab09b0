-- Props: small JSON values under a name, for simple votes.

create table props (
    account_id bigint not null references accounts (account_id),
    prop_name text not null,
    prop_id bigint not null,
    content jsonb not null check (jsonb_typeof(content) = 'object'),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, prop_name)
);
create unique index props_by_id on props (account_id, prop_id);

-- A counter is the sum of its parts, so that votes of the same moment do not wait for each other's commit.
create table prop_counts (
    account_id bigint not null,
    prop_name text not null,
    counter_name text not null,
    part smallint not null,
    amount bigint not null,
    primary key (account_id, prop_name, counter_name, part),
    foreign key (account_id, prop_name) references props (account_id, prop_name) on delete cascade
);
