-- Whether an account still has passkeys for a host that its pages had before, which the login page asks.
create index passkeys_by_host on passkeys (account_id, rp_id);
