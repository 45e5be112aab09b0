-- Files of exports that are complete at storages, also once their export was deleted: a certificate of an erasure counts
-- those that may contain the person. object_id is the position of the completion.
create table export_objects (
    account_id bigint not null references accounts (account_id),
    object_id bigint not null,
    export_uid uuid not null,
    table_name text not null,
    storage_id bigint,
    endpoint text,
    bucket text not null,
    object_key text not null,
    completed_at timestamptz not null,
    primary key (account_id, object_id),
    foreign key (account_id, storage_id) references storages (account_id, storage_id) on delete set null (storage_id)
);

insert into export_objects (account_id, object_id, export_uid, table_name, storage_id, endpoint, bucket, object_key,
                            completed_at)
select e.account_id, e.export_id, e.export_uid, e.table_name, e.storage_id, s.endpoint, e.bucket, e.object_key,
       coalesce(e.finished_at, e.updated_at)
from exports e left join storages s on s.account_id = e.account_id and s.storage_id = e.storage_id
where e.export_state = 'completed' and e.object_key is not null and e.bucket is not null;

-- How many of them there were when the fan was erased, and when the fan was created; null for earlier erasures.
alter table erasures add column object_count bigint, add column fan_created_at timestamptz;
