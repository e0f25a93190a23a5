-- Who may use the API and what they did with it, and the indexes of the pages that it gives.

-- A token has 256 random bits: its SHA-256 is looked up, and nobody gets from that to the token.
create table access_token (
  id           bigint generated always as identity primary key,
  name         text not null,
  role         text not null,
  hash         bytea not null unique,
  -- The beginning of the token, for people to tell them apart.
  prefix       text not null,
  created_at   timestamptz not null default now(),
  created_by   text not null,
  last_used_at timestamptz,
  revoked_at   timestamptz
);
create unique index access_token_name on access_token (name) where revoked_at is null;

-- `token_hash`: of the token that it was begun with; it may be the configured one, which has no row.
create table access_session (
  hash       bytea primary key,
  token_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index access_session_token on access_session (token_hash, created_at desc);

create table audit_entry (
  id     bigint generated always as identity primary key,
  at     timestamptz not null default now(),
  actor  text not null,
  action text not null,
  target text,
  detail jsonb not null default '{}'
);

-- What came in, newest first: each build with the delivery that it is of, and the deliveries that no build was made of.
alter table delivery
  -- `#42 Fix the cart`, for a delivery that speaks of a pull request.
  add column title text,
  -- Whether the build of `build_id` was made because of this delivery.
  add column is_origin boolean not null default false;
update delivery d set is_origin = true from build b where b.id = d.build_id and b.delivery_guid = d.guid;
create index build_activity on build (created_at desc, id desc);
create index build_activity_repository on build (lower(repository), created_at desc, id desc);
create index build_result on build (result, created_at desc, id desc) where result is not null and result <> 'success';
create index delivery_activity on delivery (received_at desc, id desc) where not is_origin;
create index delivery_activity_repository on delivery (lower(repository), received_at desc, id desc) where not is_origin;
create index delivery_other on delivery (name, id desc) where name <> 'pull_request';

-- How long a repository's builds take.
create index build_success on build (lower(repository), id desc) where result = 'success';
create index build_trigger on build (trigger, id desc) where trigger <> 'pull_request';
-- All versions of a path, those that are gone too.
create index image_path on image (path, build_id desc) include (bytes);

-- Builds of a service, whatever became of them.
create index build_service on build (service, id desc) where service is not null;
create index build_step_service on build_step (service, build_id desc);
create index image_service_build on image (service, build_id desc);
drop index image_service;
