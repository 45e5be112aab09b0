-- Fans whom rows of other kinds created along with them, so that an undo deletes those who did nothing else.
alter table import_batches add column fan_ids bigint[] not null default '{}';
