-- Certificates of erasures: which fan by number, when, and how many rows of which table. Nothing of the person.
-- erasure_id is the position of the change that told of it.
create table erasures (
    account_id bigint not null,
    erasure_id bigint not null,
    fan_id bigint not null,
    former_ids bigint[] not null,
    erasure_source text not null,
    erased_at timestamptz not null,
    table_counts jsonb not null,
    digest text not null,
    primary key (account_id, erasure_id)
);
create index erasures_by_fan on erasures (account_id, fan_id);
