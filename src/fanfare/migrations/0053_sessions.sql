-- Sessions of fans: who is logged in, or came as a guest. Of the session_uid that the fan's site holds only a hash is
-- here. session_id is the position of the change that announced it.
create table sessions (
    account_id bigint not null,
    session_id bigint not null,
    session_hash bytea not null,
    fan_id bigint not null,
    -- how it began: guest, register, password or code
    login_method text not null,
    business_id bigint,
    page_tab_id bigint,
    ip_address text,
    device_id text,
    device_network text,
    created_at timestamptz not null,
    used_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (account_id, session_id),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade
);
create unique index sessions_by_hash on sessions (account_id, session_hash);
create index sessions_by_fan on sessions (account_id, fan_id, session_id);
create index sessions_by_expiry on sessions (account_id, expires_at);

-- Which wording of a business's terms a fan accepted, when and from where.
create table accepted_terms (
    account_id bigint not null,
    fan_id bigint not null,
    business_id bigint not null,
    terms_hash bytea not null,
    ip_address text,
    accepted_at timestamptz not null,
    primary key (account_id, fan_id, business_id, terms_hash),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade,
    foreign key (account_id, business_id) references businesses (account_id, business_id) on delete cascade
);

-- What may be tried so often in a time: wrong passwords and codes, existence checks, messages. subject_hash is of the fan,
-- the address or number, or the IP address that is counted.
create table attempts (
    account_id bigint not null,
    budget text not null,
    subject_hash bytea not null,
    used integer not null check (used >= 0),
    ends_at timestamptz not null,
    primary key (account_id, budget, subject_hash)
);
create index attempts_by_end on attempts (account_id, ends_at);

-- An answer that held a session is not stored: who repeats the request under its key is told that it was carried out.
alter table idempotency_keys add column is_secret boolean not null default false;
