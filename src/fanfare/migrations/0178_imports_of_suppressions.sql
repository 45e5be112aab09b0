-- The import whose undo lets an address get messages again; null once anybody else said that it gets none.
alter table suppressions add column import_source text;
update suppressions s set import_source = 'import ' || i.import_uid
from imports i join import_batches b on b.account_id = i.account_id and b.import_id = i.import_id
where i.kind = 'suppressions' and s.account_id = i.account_id and s.suppression_id = any(b.created_ids);
