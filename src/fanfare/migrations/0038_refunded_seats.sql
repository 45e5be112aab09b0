-- A refund is a line of its own, with the seats that come back below zero.
alter table tickets drop constraint tickets_num_seats_check;
alter table tickets add constraint tickets_num_seats_check check (num_seats between -1000000 and 1000000);

-- An order is one in its network.
drop index tickets_by_fan;
create index tickets_by_fan on tickets (account_id, fan_id, network, order_key) include (num_seats, is_deleted);
