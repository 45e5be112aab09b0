-- What the pages of one event read: its sales from the index alone, and its scans and passes by the key of the event.
drop index tickets_by_event;
create index tickets_by_event on tickets (account_id, event_uid, fan_id)
    include (is_deleted, num_seats, paid_amount, currency, purchased_at);
create index scans_by_event on scans (account_id, event_key, scan_key) where event_key is not null;
-- Scans without a key are of the event with this day and name.
create index scans_by_event_day on scans (account_id, event_date, fold_text(event_name), scan_key)
    where event_key is null and event_date is not null;
create index passes_by_event on passes (account_id, event_key) where event_key is not null;
