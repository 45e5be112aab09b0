-- Clicks that count, to see whether a browser or a fan clicks again: with one cookie there can be many that do not count.
create index tracker_clicks_counted_by_visitor on tracker_clicks (account_id, visitor_uid, tracker_id, clicked_at)
    where verdict = 'human' and visitor_uid is not null;
create index tracker_clicks_counted_by_fan on tracker_clicks (account_id, fan_id, tracker_id, clicked_at)
    where verdict = 'human' and fan_id is not null;
