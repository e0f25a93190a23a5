-- What forges are told of builds: apart from the builds, in order for each repository, sent again until it is told.

-- Builds of before are told of no more. Whoever stores a build says nothing of this column.
alter table build add column reports_made boolean not null default true;
alter table build alter column reports_made set default false;
create index build_unreported on build (id) where not reports_made;

-- A repository's reports are sent one at a time, by whoever has it on lease.
create table report_line (
  -- Lower case.
  repository   text primary key,
  leased_until timestamptz not null default '-infinity',
  -- Of the last lease: what somebody says whose lease was lost is not taken.
  lease        uuid,
  -- Its forge asked for a rest, or did not answer.
  paused_until timestamptz not null default '-infinity',
  -- What it said then.
  problem      text
);

create table report (
  -- Counts them in the order in which they were made.
  place      bigint generated always as identity unique,
  build_id   bigint not null references build,
  -- `status`, `check`, `comment`.
  kind       text not null,
  repository text not null references report_line,
  -- What of the build was told last, as `report_key` has it; null until something was.
  seen       text,
  -- Of each thing that was told: what the forge calls it, and what was said.
  told       jsonb not null default '{}',
  attempts   integer not null default 0,
  -- Not to be tried before. Null: all was told of a build that has ended, or it was given up.
  due_at     timestamptz default now(),
  -- The forge said no to the last attempt, and may say yes when somebody has mended that.
  is_refused boolean not null default false,
  -- Why the last attempt failed; null when it did not.
  problem    text,
  changed_at timestamptz not null default now(),
  primary key (build_id, kind)
);
create index report_open on report (repository, build_id) where due_at is not null;
create index report_problem on report (place desc) where problem is not null;

-- When it changes, there is something to tell.
create function report_key(sha text, attempts integer, plan jsonb, result text) returns text language sql stable as $$
  select concat_ws(' ', sha, case when result is not null then result when plan is not null then 'planned' when attempts > 0 then 'begun' else 'queued' end)
$$;
