-- A sample of each account's fans, one of 512, in an order that is as good as drawn by lot: search/queries/estimates.py.
create index fans_sample on fans (account_id, hashint8(fan_id)) where hashint8(fan_id) % 512 = 0;
