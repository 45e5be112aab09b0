-- What was given out stays known after an erasure has cleared the code, so that it is not given out again.

alter table reward_claims add column code_hash bytea;
update reward_claims set code_hash = sha256(convert_to(reward_code, 'UTF8')) where reward_code is not null;
drop index reward_claims_by_code;
create unique index reward_claims_by_code on reward_claims (account_id, reward_uid, code_hash)
    where code_hash is not null;
