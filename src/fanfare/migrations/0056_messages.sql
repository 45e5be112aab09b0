-- Messages: mail and SMS that leave by the job queue, the templates they are made of, and the addresses that get none.

-- message_id is a position. One request is one message, whoever repeats it. Secret values are sealed by a key that is not
-- in the database, and go when the message is done with; subject and texts are the record, in which they are masked.
create table messages (
    account_id bigint not null references accounts (account_id),
    message_id bigint not null,
    request_key text not null,
    channel text not null check (channel in ('email', 'sms')),
    template_name text not null,
    message_language text not null,
    fan_id bigint,
    business_id bigint,
    recipient text,
    message_state text not null default 'queued' check (
        message_state in ('queued', 'sending', 'sent', 'unconfirmed', 'failed', 'expired', 'suppressed', 'stored')),
    shown_values jsonb not null default '{}',
    sealed_values text,
    try_count integer not null default 0,
    created_at timestamptz not null,
    due_at timestamptz not null,
    expires_at timestamptz,
    tried_at timestamptz,
    sent_at timestamptz,
    bounced_at timestamptz,
    reported_at timestamptz,
    answer text,
    subject text,
    text_body text,
    html_body text,
    primary key (account_id, message_id)
);
create unique index messages_by_request on messages (account_id, request_key);
create index messages_by_fan on messages (account_id, fan_id, message_id) where fan_id is not null;
create index messages_by_recipient on messages (account_id, recipient, message_id);
-- What the worker has still to do.
create index messages_waiting on messages (account_id, due_at) where message_state in ('queued', 'sending');
create index messages_by_age on messages (account_id, created_at);

-- Known by a hash with the account's erasure key: an address stays here when its fan is erased, without being told.
create table suppressions (
    account_id bigint not null references accounts (account_id),
    suppression_id bigint not null,
    channel text not null check (channel in ('email', 'sms')),
    address_hash bytea not null,
    address text,
    suppression_reason text not null check (suppression_reason in ('bounce', 'complaint', 'manual')),
    message_id bigint,
    created_at timestamptz not null,
    primary key (account_id, channel, address_hash)
);
create unique index suppressions_by_id on suppressions (account_id, suppression_id);
create index suppressions_by_address on suppressions (account_id, address);

-- The texts of an account, or of one business, in place of those that come with Fanfare.
create table message_templates (
    account_id bigint not null references accounts (account_id),
    template_id bigint not null,
    template_name text not null,
    channel text not null check (channel in ('email', 'sms')),
    template_language text not null,
    business_id bigint,
    subject text not null default '',
    text_body text not null,
    html_body text not null default '',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, template_id),
    foreign key (account_id, business_id) references businesses (account_id, business_id) on delete cascade
);
create unique index message_templates_by_name on message_templates (
    account_id, template_name, channel, template_language, coalesce(business_id, 0));
create index message_templates_by_business on message_templates (account_id, business_id) where business_id is not null;
