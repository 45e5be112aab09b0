-- An idol event names a performance that is there, and none once that is deleted. Bookings of points keep the uid of theirs.
update idol_events e set performance_uid = null
where performance_uid is not null and not exists (
    select from performances p where p.account_id = e.account_id and p.performance_uid = e.performance_uid);
alter table idol_events
    add foreign key (account_id, performance_uid) references performances (account_id, performance_uid)
    on delete set null (performance_uid);
