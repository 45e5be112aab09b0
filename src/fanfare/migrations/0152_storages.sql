-- Buckets of S3-compatible services. storage_id is a position; the secret of the access key is sealed.
create table storages (
    account_id bigint not null references accounts (account_id),
    storage_id bigint not null,
    storage_uid uuid not null,
    storage_name text not null,
    endpoint text not null,
    region text not null,
    bucket text not null,
    key_prefix text not null,
    access_key_id text not null,
    sealed_secret text not null,
    is_path_style boolean not null,
    tested_at timestamptz,
    test_failure text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, storage_id)
);
create unique index storages_by_uid on storages (account_id, storage_uid);

-- Where the file of an export is written, and the object that it becomes there.
alter table exports
    add column storage_id bigint,
    add column bucket text,
    add column object_key text,
    add foreign key (account_id, storage_id) references storages (account_id, storage_id) on delete set null (storage_id);
create index exports_by_storage on exports (account_id, storage_id) where storage_id is not null;
alter table exports drop constraint exports_export_state_check;
alter table exports add constraint exports_export_state_check check (
    export_state in ('running', 'delivering', 'completed', 'failed'));
alter table export_schedules
    add column storage_id bigint,
    add foreign key (account_id, storage_id) references storages (account_id, storage_id);
create index export_schedules_by_storage on export_schedules (account_id, storage_id) where storage_id is not null;

-- Files of exports on their way to a storage: one is an object in parts once it has an upload_key, whose parts have these
-- ETags. An abandoned one only has its parts deleted there. A worker has it until lease_ends_at.
create table export_deliveries (
    account_id bigint not null references accounts (account_id),
    delivery_id bigint not null,
    export_id bigint not null,
    storage_id bigint,
    bucket text not null,
    object_key text not null,
    is_abandoned boolean not null default false,
    upload_key text,
    part_bytes bigint not null default 0,
    part_etags text[] not null default '{}',
    failure_count integer not null default 0,
    created_at timestamptz not null,
    due_at timestamptz not null,
    lease_ends_at timestamptz not null default '-infinity',
    primary key (account_id, delivery_id),
    foreign key (account_id, storage_id) references storages (account_id, storage_id) on delete set null (storage_id)
);
create index export_deliveries_due on export_deliveries (due_at);
create index export_deliveries_by_export on export_deliveries (account_id, export_id);
create index export_deliveries_by_storage on export_deliveries (account_id, storage_id);

-- The object that an import reads. etag says which of its contents: another one is not read on.
alter table imports
    add column storage_id bigint,
    add column bucket text,
    add column object_key text,
    add foreign key (account_id, storage_id) references storages (account_id, storage_id) on delete set null (storage_id);
create index imports_by_storage on imports (account_id, storage_id) where storage_id is not null;
alter table imports drop constraint imports_import_state_check;
alter table imports add constraint imports_import_state_check check (import_state in (
    'uploading', 'fetching', 'converting', 'ready', 'checking', 'importing', 'completed', 'failed', 'undoing', 'undone'));
create table import_fetches (
    account_id bigint not null,
    import_id bigint not null,
    etag text,
    object_bytes bigint,
    failure_count integer not null default 0,
    due_at timestamptz not null,
    lease_ends_at timestamptz not null default '-infinity',
    primary key (account_id, import_id),
    foreign key (account_id, import_id) references imports (account_id, import_id) on delete cascade
);
create index import_fetches_due on import_fetches (due_at);
