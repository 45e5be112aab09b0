-- A pass may be for one event, by the event's key in the ticketing system. Null is a pass that no event is named for.
alter table passes add column event_key text;
