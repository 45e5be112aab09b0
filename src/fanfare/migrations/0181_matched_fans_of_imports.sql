-- The fans whom a batch of an import of fans named and did not create: the undo of the import that did keeps them. The
-- span is from the first to the last of them, so that a search reads few arrays.
alter table import_batches add column matched_ids bigint[] not null default '{}', add column matched_span int8range;
