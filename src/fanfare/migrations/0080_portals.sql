-- Portals: where promoters, with a password, create performances of a group.

create table portals (
    account_id bigint not null references accounts (account_id),
    portal_uid uuid not null,
    portal_id bigint not null,
    portal_name text not null,
    performance_group_name text not null,
    password_hash text,
    template_count bigint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    last_access_at timestamptz,
    primary key (account_id, portal_uid)
);
create unique index portals_by_id on portals (account_id, portal_id);
