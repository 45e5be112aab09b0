-- Workbooks: a sheet of the file is written as CSV before it is read. source_bytes is the length of the workbook, whose
-- sheets are named in sheets; sheet is the one that is imported.
alter table imports drop constraint imports_file_format_check;
alter table imports add constraint imports_file_format_check check (file_format in ('csv', 'ndjson', 'xlsx'));
alter table imports drop constraint imports_import_state_check;
alter table imports add constraint imports_import_state_check check (import_state in (
    'uploading', 'converting', 'ready', 'checking', 'importing', 'completed', 'failed', 'undoing', 'undone'));
alter table imports
    add column source_bytes bigint not null default 0,
    add column sheets text[] not null default '{}',
    add column sheet text;
drop index imports_due;
create index imports_due on imports (account_id)
    where import_state in ('converting', 'checking', 'importing', 'undoing');
drop index imports_with_file;
create index imports_with_file on imports (account_id) include (file_bytes, source_bytes) where has_file;
