-- A word on consent counts by the moment it was given. Beside each flag stands the moment of the word that decided it, so
-- that a word that comes later but was given earlier is seen to be older: null before any word.
alter table fans add column email_word_at timestamptz;
alter table fans add column phone_word_at timestamptz;
alter table fans add column optout_word_at timestamptz;

update fans f
set email_word_at = w.email_word_at, phone_word_at = w.phone_word_at, optout_word_at = w.optout_word_at
from (
    select account_id, fan_id,
           max(given_at) filter (where channel = 'email' or channel = 'everything' and not is_granted) as email_word_at,
           max(given_at) filter (where channel = 'phone' or channel = 'everything' and not is_granted) as phone_word_at,
           max(given_at) filter (where channel = 'everything' or is_granted) as optout_word_at
    from consents
    group by account_id, fan_id
) as w
where f.account_id = w.account_id and f.fan_id = w.fan_id;

-- The same of a business's opt-in: updated_at is from now on the moment of the word that decided it.
update fan_businesses b
set updated_at = w.word_at
from (
    select b.account_id, b.fan_id, b.business_id, max(c.given_at) as word_at
    from fan_businesses b
    join consents c on c.account_id = b.account_id and c.fan_id = b.fan_id
        and (c.business_id = b.business_id or c.channel = 'everything' and not c.is_granted)
    group by b.account_id, b.fan_id, b.business_id
) as w
where b.account_id = w.account_id and b.fan_id = w.fan_id and b.business_id = w.business_id;

-- Who was erased, and when, so that a yes of before brings nobody back onto a list. Of a mail address or number only a
-- hash under a key of the account stands here: nobody can be read off it, nor told by it from outside the account.
create table erasure_keys (
    account_id bigint not null references accounts (account_id),
    hash_key bytea not null check (length(hash_key) = 32),
    primary key (account_id)
);

create table erased_identities (
    account_id bigint not null,
    identity_hash bytea not null,
    erased_at timestamptz not null,
    primary key (account_id, identity_hash)
);

create function identity_hash(hash_key bytea, network text, identifier_value text) returns bytea
language sql immutable parallel safe
return sha256(hash_key || convert_to(network || ':' || identifier_value, 'UTF8'));

-- For a statement that finds out midway that its snapshot is too old to decide by: whoever wrote it runs it again.
create function run_again() returns boolean
language plpgsql as $$
begin
    raise exception 'a row changed meanwhile' using errcode = 'serialization_failure';
end
$$;
