-- Fans of an import are changed by its later rows too, which is no reason to keep them: an undo knows these changes.
-- Batches stay until the undo ends.
alter table import_batches
    add column own_positions bigint[] not null default '{}',
    add column is_undone boolean not null default false;
