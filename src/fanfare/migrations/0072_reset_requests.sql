-- Links to set a new password that were asked for on the login page, for whatever address, until a job has sent them or
-- found that no fan has the address. sealed_request has the address, encrypted.
create table reset_requests (
    account_id bigint not null references accounts on delete cascade,
    reset_request_uid uuid not null,
    sealed_request text not null,
    created_at timestamptz not null,
    primary key (account_id, reset_request_uid)
);
