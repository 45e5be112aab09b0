-- The import whose undo lets an address get messages again; null once anybody else said that it gets none.
alter table suppressions add column import_source text;
update suppressions s set import_source = c.import_source
from (
    select i.account_id, 'import ' || i.import_uid as import_source, unnest(b.created_ids) as suppression_id
    from imports i join import_batches b on b.account_id = i.account_id and b.import_id = i.import_id
    where i.kind = 'suppressions') as c
where s.account_id = c.account_id and s.suppression_id = c.suppression_id;
