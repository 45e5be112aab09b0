-- Fans that became one, with what it takes to part them again.

-- An old id leads to the fan of its merge that is not undone. merge_id is the position of the merge's change. A fan who
-- is absorbed takes the merges along, so fan_id always names somebody who is there.
create table fan_merges (
    account_id bigint not null,
    merge_id bigint not null,
    absorbed_id bigint not null,
    fan_id bigint not null,
    merge_source text not null,
    merged_at timestamptz not null,
    undone_at timestamptz,
    primary key (account_id, merge_id)
);
create unique index fan_merges_by_absorbed on fan_merges (account_id, absorbed_id) where undone_at is null;
create index fan_merges_by_fan on fan_merges (account_id, fan_id, merge_id);

-- The rows that a merge moved, by table and primary key. Where a fan can have but one row of a kind, both fans' rows are
-- kept as they were before and after; of all others the key is enough, since only their fan changed.
create table merged_rows (
    account_id bigint not null,
    merge_id bigint not null,
    table_name text not null,
    column_name text not null,
    row_key jsonb not null,
    row_before jsonb,
    row_after jsonb,
    primary key (account_id, merge_id, table_name, column_name, row_key),
    foreign key (account_id, merge_id) references fan_merges (account_id, merge_id) on delete cascade
);
