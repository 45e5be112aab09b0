-- The last hour at the gates of an event, and its refusals: registrations/queries/gates.py.
create index scans_by_event_time on scans (account_id, event_key, scanned_at) where event_key is not null;
create index scans_by_event_day_time on scans (account_id, event_date, fold_text(event_name), scanned_at)
    where event_key is null and event_date is not null;
create index scans_refused_by_event on scans (account_id, event_key, scan_key)
    where event_key is not null and not is_success;
create index scans_refused_by_event_day on scans (account_id, event_date, fold_text(event_name), scan_key)
    where event_key is null and event_date is not null and not is_success;
