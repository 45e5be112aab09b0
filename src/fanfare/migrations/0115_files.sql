-- Files in parts, so that each server of a cluster can read them. They are stored as they are: texts are compressed before.
create table file_parts (
    account_id bigint not null references accounts (account_id),
    file_uid uuid not null,
    part_offset bigint not null,
    content bytea not null,
    primary key (account_id, file_uid, part_offset)
);
alter table file_parts alter column content set storage external;
