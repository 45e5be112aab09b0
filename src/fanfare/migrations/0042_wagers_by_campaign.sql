-- Wagers of a campaign in the order of their positions, by which they are paged.
create index wagers_by_campaign on wagers (account_id, page_tab_id, wager_id);
