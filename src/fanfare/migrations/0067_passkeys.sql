-- Passkeys of fans (WebAuthn credentials): public keys, nothing secret. passkey_id is the position of the change that
-- announced it. sign_count stays 0 with passkeys that are synchronized between devices.
create table passkeys (
    account_id bigint not null,
    passkey_id bigint not null,
    fan_id bigint not null,
    credential_id bytea not null check (length(credential_id) between 1 and 1023),
    user_handle bytea not null,
    public_key bytea not null,
    sign_count bigint not null,
    rp_id text not null,
    passkey_name text not null,
    transports text[] not null default '{}',
    is_synced boolean not null,
    created_at timestamptz not null,
    used_at timestamptz,
    primary key (account_id, passkey_id),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade
);
create unique index passkeys_by_credential on passkeys (account_id, credential_id);
create index passkeys_by_fan on passkeys (account_id, fan_id, passkey_id);

-- Where passkeys of an account may be made and used, beside the pages of the installation itself.
create table passkey_origins (
    account_id bigint not null,
    passkey_origin_id bigint not null,
    origin text not null,
    rp_id text not null,
    created_at timestamptz not null,
    primary key (account_id, passkey_origin_id),
    foreign key (account_id) references accounts (account_id)
);
create unique index passkey_origins_by_origin on passkey_origins (account_id, origin);

-- Challenges are sealed texts that nobody stores before they are answered. Each is answered once: its hash is kept until
-- it would have expired anyway.
create table answered_challenges (
    account_id bigint not null,
    challenge_hash bytea not null,
    expires_at timestamptz not null,
    primary key (account_id, challenge_hash)
);
create index answered_challenges_by_end on answered_challenges (account_id, expires_at);

-- The passkey that opened a session: the session ends when the passkey is removed.
alter table sessions add column passkey_id bigint;
