-- Positions: the one sequence behind every id that a reader pages by, and the change log in its order.

create sequence positions as bigint;
-- The first is taken here: so `last_value` always is one that is taken, and pullers that begin behind id 1 miss nothing.
select nextval('positions');

-- Publishes, in the lock table, a lower bound of every position that this transaction can still take; until it ends,
-- readers of the account stop there. Must run before nextval('positions').
--
-- Once is enough: a local setting remembers it, and goes with the lock when a savepoint is rolled back. So a
-- transaction of ten thousand writes keeps one lock, and the lock table does not fill.
--
-- One expression of SQL, without a subquery, so that the planner puts it in place: PL/pgSQL took a sixth of the writes.
-- A null argument would lock nothing without a word, hence the coalesce.
create function hold_position(account_id bigint) returns boolean
language sql volatile
as $$
    select case
        when current_setting('fanfare.held', true) is distinct from account_id::text then
            pg_advisory_xact_lock_shared(
                (account_id & 2147483647)::integer,
                (coalesce(pg_sequence_last_value('positions'), 0) & 4294967295)::bit(32)::integer) is not null
            and set_config('fanfare.held', account_id::text, true) is not null
        else true
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
