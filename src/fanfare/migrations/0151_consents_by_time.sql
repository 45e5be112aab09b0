-- What fans said on each day is read for the first page of the Manage Centre: the ledger grows in the order of time.
create index consents_by_time on consents using brin (given_at);
