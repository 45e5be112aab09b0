-- Calls are counted by who makes them: those with the secret together (subscriber ''), those with the public key alone by
-- the address that they come from, and those whose key or secret is not right by address too, under account 0.
drop table rate_windows;
create unlogged table rate_windows (
    account_id bigint not null,
    api_key uuid not null,
    subscriber text not null,
    minute bigint not null,
    used integer not null,
    primary key (account_id, api_key, subscriber, minute)
);

-- The secret alone names its key. It has 190 random bits, so no two keys share one.
create unique index api_secrets_by_hash on api_secrets (secret_hash);

-- The words of an Idempotency-Key belong to a key, and to those who show its secret or to those who do not. Which key used
-- the stored ones is not known: each key of the account finds them, with the secret.
alter table idempotency_keys drop constraint idempotency_keys_pkey;
alter table idempotency_keys add column api_key uuid, add column has_secret boolean not null default true;
insert into idempotency_keys (account_id, api_key, idempotency_key, request_hash, status, answer, created_at)
select i.account_id, k.api_key, i.idempotency_key, i.request_hash, i.status, i.answer, i.created_at
from idempotency_keys i
join api_keys k on k.account_id = i.account_id and k.revoked_at is null;
delete from idempotency_keys where api_key is null;
alter table idempotency_keys alter column has_secret drop default, alter column api_key set not null;
alter table idempotency_keys add primary key (account_id, api_key, has_secret, idempotency_key);
