-- Whether a delivery of a lane waits for another try, however many do.

create index webhook_deliveries_lanes on webhook_deliveries (account_id, webhook_id, lane)
    where delivery_state = 'waiting' and try_count > 0;
