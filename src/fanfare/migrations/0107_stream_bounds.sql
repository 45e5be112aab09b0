-- What a sender submitted in the last hour; the job clears it afterwards.
create index stream_records_by_sender on stream_records (account_id, author_id, sender_key, stored_at)
    where sender_key is not null;
create index stream_records_by_sender_time on stream_records (account_id, stored_at) where sender_key is not null;

-- Pictures that readers see, however many others have the same.
create index stream_records_by_shown_picture on stream_records (account_id, picture_key)
    where picture_key is not null and record_status = 'approved';
create index stream_authors_by_shown_picture on stream_authors (account_id, picture_key)
    where picture_key is not null and approved_count > 0;
