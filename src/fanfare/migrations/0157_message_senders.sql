-- Who mail and SMS of an account, or of one of its businesses, come from. docs/decisions/0090-account-settings.md
-- from_address is used once confirmed_at is set: a DNS record has shown that its domain is theirs. is_signed: the last check
-- found our DKIM key at the domain, so that mail is signed in its name.
create table message_senders (
    account_id bigint not null references accounts (account_id),
    sender_id bigint not null,
    business_id bigint,
    from_name text,
    from_address text,
    reply_to text,
    sms_sender text,
    confirmation_token text not null,
    confirmed_at timestamptz,
    is_signed boolean not null default false,
    has_policy boolean not null default false,
    checked_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, sender_id),
    foreign key (account_id, business_id) references businesses (account_id, business_id) on delete cascade
);
create unique index message_senders_by_business on message_senders (account_id, coalesce(business_id, 0));
create index message_senders_of_business on message_senders (account_id, business_id) where business_id is not null;
