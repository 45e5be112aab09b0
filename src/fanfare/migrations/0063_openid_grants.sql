-- What a fan agreed that a client may read, until the fan withdraws it. The subject is what the client knows the fan by; it
-- stays the same when the fan is merged.
create table openid_consents (
    account_id bigint not null,
    client_id bigint not null,
    fan_id bigint not null,
    subject text not null,
    scopes text[] not null,
    consented_at timestamptz not null,
    withdrawn_at timestamptz,
    primary key (account_id, client_id, fan_id),
    foreign key (account_id, client_id) references openid_clients (account_id, client_id) on delete cascade,
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade
);
create unique index openid_consents_by_subject on openid_consents (account_id, client_id, subject);
create index openid_consents_by_fan on openid_consents (account_id, fan_id);

-- One login of a fan at a client: its code, which is used once, and its current refresh token, both as hashes. A row that is
-- deleted ends all that was issued for it.
create table openid_grants (
    account_id bigint not null,
    grant_id uuid not null,
    client_id bigint not null,
    fan_id bigint not null,
    session_id bigint not null,
    subject text not null,
    scopes text[] not null,
    nonce text,
    redirect_uri text not null,
    code_challenge text,
    code_hash bytea not null,
    code_used_at timestamptz,
    refresh_hash bytea,
    authenticated_at timestamptz not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (account_id, grant_id),
    foreign key (account_id, client_id) references openid_clients (account_id, client_id) on delete cascade,
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade
);
create unique index openid_grants_by_code on openid_grants (account_id, code_hash);
create index openid_grants_by_fan on openid_grants (account_id, fan_id);
create index openid_grants_by_client on openid_grants (account_id, client_id);
create index openid_grants_by_end on openid_grants (account_id, expires_at);

-- Access tokens, as hashes.
create table openid_tokens (
    account_id bigint not null,
    token_hash bytea not null,
    grant_id uuid not null,
    scopes text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (account_id, token_hash),
    foreign key (account_id, grant_id) references openid_grants (account_id, grant_id) on delete cascade
);
create index openid_tokens_by_grant on openid_tokens (account_id, grant_id);
create index openid_tokens_by_end on openid_tokens (account_id, expires_at);
