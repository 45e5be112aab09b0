-- Who sent a submitted record: a keyed hash of the address, so that nobody uses up the hour of another author.
alter table stream_records add column sender_key text;

-- Authors of whom nothing is there any more.
create index stream_authors_without_records on stream_authors (account_id, author_id)
    where stored_count = 0 and author_status = 'new';
