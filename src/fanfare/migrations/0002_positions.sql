-- Positions: the one sequence behind every id that a reader pages by, and the change log in its order.

create sequence positions as bigint;

-- Publishes, in the lock table, that this transaction will take no position below the present one; until it ends,
-- readers of the account stop there. Must run before nextval('positions').
create function hold_position(account_id bigint) returns boolean
language plpgsql volatile
as $$
begin
    perform pg_advisory_xact_lock_shared(
        (account_id & 2147483647)::integer,
        (select ((last_value >> 6) & 4294967295)::bit(32)::integer from positions)
    );
    return true;
end
$$;

create table changes (
    account_id bigint not null,
    position bigint not null,
    topic text not null,
    subject_id text not null,
    fan_id bigint,
    occurred_at timestamptz not null,
    data jsonb not null default '{}',
    primary key (account_id, position)
);
create index changes_by_fan on changes (account_id, fan_id, position) where fan_id is not null;
