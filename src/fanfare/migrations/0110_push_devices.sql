-- A push token is once in an account: whoever registers it last has the device. Its key is a hash, since a browser's
-- subscription is longer than an index takes, and the same subscription can be written in several ways.

alter table push_tokens add column device_hash bytea;
update push_tokens set device_hash = sha256(convert_to(
    coalesce(case when device_network = 'web' then substring(push_token from '"endpoint"\s*:\s*"([^"]*)"') end, push_token),
    'UTF8'));
delete from push_tokens p using push_tokens o
    where o.account_id = p.account_id and o.device_hash = p.device_hash
      and (o.updated_at, o.user_key, o.push_token) > (p.updated_at, p.user_key, p.push_token);
alter table push_tokens alter column device_hash set not null;
alter table push_tokens drop constraint push_tokens_pkey;
alter table push_tokens add primary key (account_id, device_hash);
create index push_tokens_by_user on push_tokens (account_id, user_key);
