-- Where the login page may lead back to: the URLs of an account, or of one of its businesses.
create table redirect_urls (
    account_id bigint not null references accounts (account_id),
    redirect_url_id bigint not null,
    business_id bigint,
    redirect_url text not null,
    created_at timestamptz not null,
    primary key (account_id, redirect_url_id),
    foreign key (account_id, business_id) references businesses (account_id, business_id) on delete cascade
);
create unique index redirect_urls_by_url on redirect_urls (account_id, redirect_url, coalesce(business_id, 0));

-- What a site gets once its fan has logged in on our page, to be exchanged for a session. Of the code only a hash is here.
-- session_id is that of the browser, which says who the fan is; opened_session_id is the session that the site got.
create table login_codes (
    account_id bigint not null,
    code_hash bytea not null,
    session_id bigint not null,
    redirect_url text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    opened_session_id bigint,
    primary key (account_id, code_hash),
    foreign key (account_id, session_id) references sessions (account_id, session_id) on delete cascade
);
create index login_codes_by_session on login_codes (account_id, session_id);
create index login_codes_by_expiry on login_codes (account_id, expires_at);
