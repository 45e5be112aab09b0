-- Where the server processes reach the index of an account: the socket of the index process that keeps it.
-- The bitmaps themselves are files of DATA_DIR; both may be lost, and counts are taken from the tables.
create table audience_indexes (
    account_id bigint not null references accounts (account_id),
    address text not null,
    primary key (account_id)
);
