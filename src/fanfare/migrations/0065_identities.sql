-- External identities: the OpenID providers that an account accepts, and which fan has which identity there.

-- provider_id is a position. The client secret is sealed by a key that is not in the database. Addresses that are null
-- are those of the preset, or what the provider publishes.
create table identity_providers (
    account_id bigint not null references accounts (account_id),
    provider_id bigint not null,
    business_id bigint,
    preset text not null check (preset in ('oidc', 'google', 'facebook', 'apple', 'spotify')),
    title text,
    issuer text not null,
    client_ids text[] not null,
    sealed_secret text,
    jwks_url text,
    authorization_url text,
    token_url text,
    userinfo_url text,
    is_email_trusted boolean not null,
    is_access_token_accepted boolean not null,
    is_enabled boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, provider_id),
    foreign key (account_id, business_id) references businesses (account_id, business_id) on delete cascade
);
create unique index identity_providers_by_issuer on identity_providers (account_id, coalesce(business_id, 0), issuer);
create index identity_providers_by_business on identity_providers (account_id, business_id)
    where business_id is not null;

-- identity_id is a position. An issuer names a person by the subject, for ever and alone.
create table fan_identities (
    account_id bigint not null,
    identity_id bigint not null,
    issuer text not null,
    subject text not null,
    fan_id bigint not null,
    created_at timestamptz not null,
    used_at timestamptz not null,
    primary key (account_id, identity_id),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade
);
create unique index fan_identities_by_subject on fan_identities (account_id, issuer, subject);
create index fan_identities_by_fan on fan_identities (account_id, fan_id);

-- Tokens that logged somebody in, until they expire: each does so once.
create table used_tokens (
    account_id bigint not null references accounts (account_id),
    token_hash bytea not null,
    expires_at timestamptz not null,
    primary key (account_id, token_hash)
);
create index used_tokens_by_expiry on used_tokens (account_id, expires_at);
