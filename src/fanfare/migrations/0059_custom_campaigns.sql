-- "Custom" in any case is the kind "custom", whose titles are unique. Where that makes two titles equal, the later
-- campaign gets its id appended.
update campaigns c
set app_type = 'custom',
    title = case when exists (
        select from campaigns o
        where o.account_id = c.account_id and o.page_tab_id <> c.page_tab_id
          and fold_text(o.app_type) = 'custom' and fold_text(o.title) = fold_text(c.title)
          and (o.app_type = 'custom' or o.page_tab_id < c.page_tab_id))
        then c.title || ' (' || c.page_tab_id || ')' else c.title end
where fold_text(c.app_type) = 'custom' and c.app_type <> 'custom';
