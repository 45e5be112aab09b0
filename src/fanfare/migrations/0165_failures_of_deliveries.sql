-- How many parts a storage had when the delivery of a file failed last: failures count until there are more.
alter table export_deliveries add column failure_part_count integer not null default 0;
