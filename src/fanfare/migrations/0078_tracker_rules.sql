-- How far the clicks of an account are judged by the present rules: down to this click; null when all are.
alter table tracker_settings rename column recomputed_to to judged_to;
