-- A refund is a line of its own, with the seats that come back below zero.
alter table tickets drop constraint tickets_num_seats_check;
alter table tickets add constraint tickets_num_seats_check check (num_seats between -1000000 and 1000000);
