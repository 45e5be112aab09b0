-- A line of an order that was taken back: a deleted ticket, or a purchase whose whole amount was refunded.
alter table tracker_events add column is_returned boolean not null default false;
update tracker_events e set is_returned = true
from tickets t
where t.account_id = e.account_id and t.ticket_id = e.ticket_id and e.event_source = 'ticket' and t.is_deleted;
update tracker_events e set is_returned = true
from purchases p
where p.account_id = e.account_id and p.network = e.network and p.purchase_key = e.purchase_key
  and e.event_source = 'purchase' and p.gross_sale_amount > 0 and p.net_sale_amount <= 0;

-- The events of a tracker that is deleted.
create index tracker_events_by_tracker on tracker_events (account_id, tracker_id) where tracker_id is not null;
-- A window of time, in the order of pages.
drop index tracker_events_by_time;
create index tracker_events_by_time on tracker_events (account_id, created_at, event_id);

-- How far IP addresses, user agents, parameters and browsers of old clicks and sales are cleared.
alter table tracker_settings add column clicks_cleared_to bigint not null default 0;
alter table tracker_settings add column events_cleared_to bigint not null default 0;

-- Each account stores another id for a browser's cookie: accounts on one host cannot join their visitors.
update tracker_clicks
set visitor_uid = left(encode(sha256(convert_to(account_id || '.' || replace(visitor_uid::text, '-', ''), 'UTF8')),
                              'hex'), 32)::uuid
where visitor_uid is not null;
update tracker_events
set visitor_uid = left(encode(sha256(convert_to(account_id || '.' || replace(visitor_uid::text, '-', ''), 'UTF8')),
                              'hex'), 32)::uuid
where visitor_uid is not null;
