-- The key of the last row of a table whose key is no number: an export continues behind it.
alter table exports add column last_place jsonb;
