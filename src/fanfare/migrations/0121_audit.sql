-- Every change and every export by staff or by a manage call. An entry's hash covers the hash of the one before, so that
-- none can be altered or removed without its being noticed. Secrets and personal data of fans are masked.
create table audit_entries (
    account_id bigint not null,
    entry_number bigint not null,
    occurred_at timestamptz not null,
    actor_kind text not null check (actor_kind in ('staff', 'key')),
    actor_key text not null,
    actor_name text not null,
    ip_address text,
    action_name text not null,
    inputs jsonb not null,
    row_before jsonb,
    row_after jsonb,
    entry_hash bytea not null,
    primary key (account_id, entry_number)
);
create index audit_entries_by_actor on audit_entries (account_id, actor_key, entry_number);

-- The last entry of each account; whoever appends one locks this row.
create table audit_heads (
    account_id bigint not null references accounts (account_id),
    entry_number bigint not null,
    entry_hash bytea not null,
    primary key (account_id)
);

-- When a secret of a key was last used, to the minute.
create table api_key_uses (
    account_id bigint not null,
    api_key uuid not null,
    used_at timestamptz not null,
    primary key (account_id, api_key),
    foreign key (account_id, api_key) references api_keys (account_id, api_key) on delete cascade
);
