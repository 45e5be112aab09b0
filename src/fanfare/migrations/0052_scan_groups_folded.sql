-- Scans are listed by their group without regard to case and accents.
create index scans_by_folded_group on scans (account_id, network, fold_text(scan_group_name), scan_key);
drop index scans_by_group;
