-- Whether anybody was erased since an upload is asked for each batch of an import, and for lines that are written alone.
create index erased_identities_by_time on erased_identities (account_id, erased_at);
