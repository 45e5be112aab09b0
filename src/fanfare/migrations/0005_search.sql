-- The fan search: how names are found, which indexes answer it, and the searches that are being read.
-- What was measured for each line here stands in docs/decisions/0003-fan-search.md.

-- Small letters without their accents. Written out because PostgreSQL's unaccent is not immutable and so serves no index;
-- the plain case is told by its length in bytes, since translate() with this many letters costs 18 us.
create function fold_text(written text) returns text
    language sql immutable strict parallel safe
    return case when octet_length(written) = length(written) then lower(written) else translate(lower(written),
        'àáâãäåçèéêëìíîïñòóôõöøùúûüýÿāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįıĵķĺļľłńņňōŏőŕŗřśŝşšţťŧũūŭůűųŵŷźżž',
        'aaaaaaceeeeiiiinoooooouuuuyyaaaccccddeeeeegggghhiiiiijkllllnnnooorrrsssstttuuuuuuwyzzz') end;

-- Stored, so that a name is compared without being folded again for each fan.
alter table fans add column search_text text generated always as (
    fold_text(coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(email, ''))
) stored;

create index fans_by_text on fans using gin (account_id, search_text gin_trgm_ops);
create index fans_by_postal_code on fans (account_id, upper(replace(postal_code, ' ', '')));
create index fans_by_creation on fans (account_id, created_at);
-- Most searches name a place; with these columns beside it they need not see the fan's row.
create index fans_by_province on fans (account_id, province, fan_id)
    include (is_subscribed, is_phone_subscribed, is_optout, gender, birth_date, rating);

-- Answers from the index alone whether a fan has an identity on a network.
drop index fan_identifiers_by_fan;
create index fan_identifiers_by_fan on fan_identifiers (account_id, fan_id, network);

-- What an expression's values are, for the planner: without it each is taken to match a two-hundredth.
create statistics fans_metro_areas on lower(metro_area) from fans;
create statistics fans_sources on lower(fan_source) from fans;

-- A search and the place up to which it has been read. `criteria` are its parameters, to find the rest of its set anew,
-- up to the newest fan of its start, when the process that was writing it down died.
create table searches (
    account_id bigint not null references accounts (account_id),
    search_uid uuid not null,
    criteria jsonb not null,
    newest_fan_id bigint not null,
    next_row integer not null,
    created_at timestamptz not null,
    primary key (account_id, search_uid)
);
create index searches_by_age on searches (account_id, created_at);

-- The set of a search in the order of its rows: row numbers from first_row up to, not including, end_row.
-- No foreign key: the set is written by a transaction whose snapshot is older than the row of the search.
create table search_chunks (
    account_id bigint not null,
    search_uid uuid not null,
    first_row integer not null,
    end_row integer not null check (end_row = first_row + cardinality(fan_ids)),
    is_last boolean not null,
    fan_ids bigint[] not null,
    primary key (account_id, search_uid, first_row)
);
