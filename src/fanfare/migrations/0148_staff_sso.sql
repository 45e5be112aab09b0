-- Single sign-on of staff: the identity provider of an account, and what its claims mean here.
create table staff_sign_ons (
    account_id bigint not null references accounts (account_id),
    issuer text not null check (issuer <> ''),
    client_id text not null check (client_id <> ''),
    sealed_secret text,
    role_claim text,
    -- the role for each value of the claim, in the order that was written: the first that fits counts
    claim_roles json not null default '{}',
    -- the role of everybody else, if they are let in
    default_role text,
    email_domains text[] not null check (email_domains <> '{}'),
    is_enabled boolean not null,
    -- whether everybody but the role full has to sign in with it
    is_forced boolean not null,
    updated_at timestamptz not null,
    primary key (account_id)
);

-- A session that an account's provider vouches for is good in that account alone.
alter table staff_sessions add column account_id bigint references accounts (account_id);
alter table staff_sessions drop constraint staff_sessions_sign_in_method_check;
alter table staff_sessions add constraint staff_sessions_sign_in_method_check
    check (sign_in_method in ('password', 'passkey', 'link', 'sso') and (sign_in_method = 'sso') = (account_id is not null));
create index staff_sessions_by_account on staff_sessions (account_id) where account_id is not null;
