-- Links with which a fan sets a new password, once, within an hour. Of the reset_uid only a hash is here. Network and
-- identifier are those of the address or number that we sent the link to; a site sends its links itself.
create table password_resets (
    account_id bigint not null,
    reset_hash bytea not null,
    fan_id bigint not null,
    network text,
    identifier_value text,
    next_path text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (account_id, reset_hash),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade
);
create index password_resets_by_fan on password_resets (account_id, fan_id);
create index password_resets_by_expiry on password_resets (account_id, expires_at);
