-- Parquet is made of the rows once all of them are written as CSV: has_rows says that they are.
alter table exports drop constraint exports_file_format_check;
alter table exports add constraint exports_file_format_check check (file_format in ('csv', 'ndjson', 'parquet'));
alter table exports add column has_rows boolean not null default false;
-- Exports read passes in the order of their ids.
create index passes_in_order on passes (account_id, pass_id);
