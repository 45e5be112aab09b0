-- Programs that log fans in here, by OpenID Connect. client_id is the position of the change that announced it. A public
-- client, such as an app in a browser, can keep no secret.
create table openid_clients (
    account_id bigint not null references accounts (account_id),
    client_id bigint not null,
    client_name text not null,
    client_type text not null check (client_type in ('confidential', 'public')),
    business_id bigint,
    redirect_uris text[] not null,
    post_logout_redirect_uris text[] not null default '{}',
    scopes text[] not null,
    is_pkce_required boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, client_id),
    check (is_pkce_required or client_type = 'confidential')
);

-- Hashes of a client's secrets. One without an end is the current one; after a rotation the older ones end later.
create table openid_client_secrets (
    account_id bigint not null,
    client_id bigint not null,
    secret_hash bytea not null,
    secret_prefix text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    primary key (account_id, client_id, secret_hash),
    foreign key (account_id, client_id) references openid_clients (account_id, client_id) on delete cascade
);

-- The keys that sign an account's ID tokens: the private key sealed by a key that is not in the database, the public key
-- as clients read it. The newest that has begun signs; all are published until they end.
create table openid_keys (
    account_id bigint not null references accounts (account_id),
    key_number integer not null,
    sealed_key text not null,
    public_key jsonb not null,
    created_at timestamptz not null,
    begins_at timestamptz not null,
    ends_at timestamptz,
    primary key (account_id, key_number)
);
