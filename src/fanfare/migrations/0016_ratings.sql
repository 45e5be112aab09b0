-- How far the ratings of an account's fans are kept up: by the change log, and by the daily pass over everyone.
-- pass_to is the last fan of the pass of the day passed_on, null once it is through.
create table rating_progress (
    account_id bigint not null references accounts (account_id),
    position bigint not null,
    passed_on date not null,
    pass_to bigint,
    primary key (account_id)
);
