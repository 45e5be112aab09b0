-- Objects of exports that were on their way may be at a storage that does not let us delete them: a certificate of an
-- erasure counts them too. has_object says that one may be there; delivery_id is that of an object which is not complete.
alter table export_deliveries
    add column has_object boolean not null default false, add column export_uid uuid, add column table_name text;
update export_deliveries d
set has_object = true, export_uid = e.export_uid, table_name = e.table_name
from exports e where e.account_id = d.account_id and e.export_id = d.export_id;

alter table export_objects add column delivery_id bigint;
create unique index export_objects_by_delivery on export_objects (account_id, delivery_id)
    where delivery_id is not null;
