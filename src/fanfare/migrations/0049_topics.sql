-- Topics got one past tense (docs/topics.md). Rows that readers have not read yet, or that are exported, follow. What was
-- `saved` may have been made or changed; it becomes the one that is true of both.
update changes set topic = split_part(topic, '.', 1) || '.updated'
where topic in ('address.saved', 'business.changed', 'campaign.changed', 'field.saved', 'filter.changed', 'idol.changed',
                'idol_event.changed', 'name_word.saved', 'performance.changed', 'point.changed', 'purchase.changed',
                'push_token.saved');
