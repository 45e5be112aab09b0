-- Days of which a source has more rows than its calls give, for the report of a move.
alter table move_tables add column incomplete_days date[] not null default '{}';
