-- Approved records of a stream in slices of some thousand: positions that follow each other. A search goes from slice to
-- slice and stops when its page is full, so it reads few rows, wherever the matches are.

create table stream_slices (
    account_id bigint not null,
    stream_id bigint not null,
    -- before the positions of its records, and after those of all earlier slices
    slice_position bigint not null,
    -- how many records it was given; those that are gone are counted
    record_count integer not null,
    primary key (account_id, stream_id, slice_position),
    foreign key (account_id, stream_id) references streams (account_id, stream_id) on delete cascade
);

-- the slice, where it is approved
alter table stream_records add column slice_position bigint;

with numbered as (
    select account_id, stream_id, feed_record_id, time_position,
           (row_number() over (partition by account_id, stream_id order by time_position) - 1) / 4096 as number
    from stream_records where time_position is not null
),
slices as (
    select account_id, stream_id, number, min(time_position) - 1 as slice_position, count(*) as record_count
    from numbered group by 1, 2, 3
),
saved as (
    insert into stream_slices select account_id, stream_id, slice_position, record_count from slices
)
update stream_records as r set slice_position = s.slice_position
from numbered n join slices s using (account_id, stream_id, number)
where r.account_id = n.account_id and r.feed_record_id = n.feed_record_id;

alter table stream_records
    add constraint stream_records_slice check ((slice_position is not null) = (time_position is not null));

drop index stream_records_by_term;
drop index stream_records_by_place;
-- Without a list of pending entries, which each search would read for each slice. PostgreSQL combines the two indexes only
-- if they have no condition in common, so one of them knows the slice by its negative.
create index stream_records_by_term on stream_records using gin (slice_position, terms) with (fastupdate = off)
    where slice_position is not null;
create index stream_records_by_place on stream_records (account_id, (- slice_position), latitude, longitude)
    where latitude is not null;
-- What waits for staff, or was removed.
create index stream_records_by_status on stream_records (account_id, stream_id, record_status, feed_record_id)
    where record_status <> 'approved';

-- The level at which authors with an approved record are published at once.
update streams set trust_level = 'regulars' where trust_level = 'known';
