-- Of an order with thousands of lines, the first ones are read in their order.
drop index tracker_events_by_order_line;
create index tracker_events_by_order_line on tracker_events (account_id, order_key, event_source, network, event_id)
    where order_key is not null;
create index tracker_events_by_clicked_order on tracker_events (account_id, order_key, event_source, event_id)
    where is_clicked and order_key is not null;
-- A report of the pixel that was replaced by one whose click is credited: once.
alter table tracker_events add column is_replaced boolean not null default false;

-- Whether all sales are to be attributed again once the clicks are judged; 0100 took sales back without it.
alter table tracker_settings add column is_attribution_due boolean not null default false;
-- The last click whose verdict is by the noted rules: later ones may be of a server that had not read new lists yet.
alter table tracker_settings add column judged_click_id bigint not null default 0;
update tracker_settings s
set is_attribution_due = exists (
        select from tracker_events e where e.account_id = s.account_id and e.is_returned),
    judged_click_id = coalesce((
        select click_id from tracker_clicks c where c.account_id = s.account_id order by click_id desc limit 1), 0);
