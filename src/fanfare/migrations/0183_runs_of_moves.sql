-- The run of a move in which a row of the source was last given, so that a later run can tell which rows are not any
-- more, and a hash of what it had then, so that it can tell which rows were changed there. The hash is made with a key:
-- nobody can try values.
alter table account_moves
    add column run_number integer not null default 1,
    add column hash_key uuid not null default gen_random_uuid();
alter table moved_rows
    add column run_number integer not null default 1,
    add column content_hash bytea;
