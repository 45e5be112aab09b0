-- Postal codes, metro areas and census figures, read from public packages by `fanfare places load`.
-- No tenant owns them: reference tables, the same for all.

-- postal_code is folded: upper case, without blanks and hyphens. Where only the first half of a country's codes is public
-- (all of GB, IE and NL, and of CA beside the whole codes) the row holds that half.
-- province is in the form of fans.province. source: the package that told of the place.
create table places_postal_codes (
    country_code text not null,
    postal_code text not null check (postal_code ~ '^[^[:space:][:lower:]-]+$'),
    city text,
    province text,
    latitude double precision not null check (latitude between -90 and 90),
    longitude double precision not null check (longitude between -180 and 180),
    listed_metro_area text,
    operator_metro_area text,
    -- what the operator says goes before what the packages say
    metro_area text generated always as (coalesce(operator_metro_area, listed_metro_area)) stored,
    source text not null,
    primary key (country_code, postal_code)
);

-- The middle of each metro area; a place within reach_km of it belongs to it where no list of codes says so.
create table places_metro_areas (
    country_code text not null,
    metro_area text not null,
    latitude double precision not null,
    longitude double precision not null,
    reach_km double precision,
    primary key (country_code, metro_area)
);

-- What the operator's file says: codes that begin with the prefix (folded) belong to the metro area; the longest one goes.
create table places_metro_overrides (
    country_code text not null,
    postal_prefix text not null,
    metro_area text not null,
    primary key (country_code, postal_prefix)
);

-- What a census says of the people of a postal code; null where it is silent. Shares are of 1, money in the country's own.
create table places_census (
    country_code text not null,
    postal_code text not null,
    census_year integer not null,
    population integer,
    population_per_km2 double precision,
    households integer,
    household_size double precision,
    median_age double precision,
    share_under_18 double precision,
    share_18_to_24 double precision,
    share_65_and_over double precision,
    median_household_income integer,
    share_below_poverty double precision,
    share_employed double precision,
    share_bachelor_or_higher double precision,
    share_in_college double precision,
    share_with_children double precision,
    share_owner_occupied double precision,
    median_home_value integer,
    share_without_car double precision,
    commute_minutes double precision,
    primary key (country_code, postal_code)
);

-- What was read: each country of a source in one transaction, so that a load that was cut off goes on where it was.
create table places_loads (
    source text not null,
    country_code text not null,
    version text not null,
    row_count bigint not null,
    loaded_at timestamptz not null,
    primary key (source, country_code)
);
