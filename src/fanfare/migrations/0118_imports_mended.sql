-- A yes of an import without a time: given_at is when its file was uploaded, but it is older than every no.
alter table consents add column is_undated boolean not null default false;
-- What the last run was for, so that one which failed continues, whatever it wrote before.
alter table imports add column last_work text check (last_work in ('checking', 'importing', 'undoing'));
create index imports_with_file on imports (account_id) include (file_bytes) where has_file;
-- Exports read purchases in the order of their ids.
create index purchases_in_order on purchases (account_id, purchase_id);
