-- The set of a search as compressed bitmaps, chunks of 16,384 fans: a fifth of the bytes, written in a tenth of the time.
-- What was stored before has its ids in fan_ids and is read like the rest until it expires.
alter table search_chunks
    alter column fan_ids drop not null,
    add column last_fan_id bigint,
    add column fan_set bytea,
    add constraint search_chunks_have_fans check (
        (fan_set is null) = (fan_ids is not null) and (fan_set is null) = (last_fan_id is null));
-- Compressed already: PostgreSQL would try once more.
alter table search_chunks alter column fan_set set storage external;
