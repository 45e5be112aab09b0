-- Keys of the API console: they end by themselves, with the session of the person, and with their place in the account.
alter table api_keys
    add column is_read_only boolean not null default false,
    add column expires_at timestamptz,
    add column staff_id bigint,
    add column session_id bigint references staff_sessions (session_id) on delete cascade,
    add foreign key (account_id, staff_id) references staff_memberships (account_id, staff_id) on delete cascade;
create index api_keys_by_session on api_keys (session_id) where session_id is not null;
