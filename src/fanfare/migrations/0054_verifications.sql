-- Codes that were sent to an address or number. Whoever asked for one holds the request_uid, of which only a hash is here;
-- the hash of the code is of both, so that the few codes there are cannot be tried on a copy of this table.
create table verifications (
    account_id bigint not null,
    request_hash bytea not null,
    network text not null check (network in ('email', 'phone')),
    identifier_value text not null,
    recipient text not null,
    code_hash bytea not null,
    tries integer not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (account_id, request_hash)
);
create index verifications_by_identifier on verifications (account_id, network, identifier_value);
create index verifications_by_end on verifications (account_id, expires_at);
