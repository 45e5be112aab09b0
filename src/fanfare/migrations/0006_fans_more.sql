-- Positions are told apart by their sequence. A unique index on one would make each update of a fan take the strongest
-- lock on the row, which conflicts with every writer that only holds the fan (an activity, a tag); two of these that
-- then both fill the fan would wait for each other.
drop index fans_by_position;
create index fans_by_position on fans (account_id, position);
