-- Up to which position old changes of an account were deleted: who has read less has missed some.

create table change_trims (
    account_id bigint not null,
    position bigint not null,
    primary key (account_id)
);
-- What was deleted before is not known; nobody outside has read a log before.
insert into change_trims (account_id, position)
select account_id, min(position) - 1 from changes group by account_id;
