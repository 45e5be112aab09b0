-- What the search asks of tickets is read from these alone, in the order of the fans.
drop index tickets_by_fan;
create index tickets_by_fan on tickets (account_id, fan_id, order_key) include (num_seats, is_deleted);
drop index tickets_by_event;
create index tickets_by_event on tickets (account_id, event_uid, fan_id) include (is_deleted);
drop index tickets_by_purchase;
create index tickets_by_purchase on tickets (account_id, purchased_at, fan_id) include (is_deleted);
create index tickets_by_price_code on tickets (account_id, lower(price_code), fan_id) include (is_deleted)
    where price_code is not null;
