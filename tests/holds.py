"""Watches, in every database of the tests, that no change takes its position without a hold.

A lock on a mark below the position proves it: whoever takes a position before the hold finds the mark at or above it.
"""

WATCH = """
    create function watch_holds() returns trigger language plpgsql as $$
    begin
        if exists (
            select from made where not exists (
                select from pg_locks l
                where l.locktype = 'advisory' and l.objsubid = 2 and l.pid = pg_backend_pid()
                  and l.classid::bigint = made.account_id & 2147483647
                  and (made.position - l.objid::bigint) & 4294967295 between 1 and 2147483647)
        ) then
            raise 'a change took its position without a hold: %', (select min(topic) from made);
        end if;
        return null;
    end
    $$;
    create trigger watch_holds after insert on changes referencing new table as made
        for each statement execute function watch_holds();
"""
