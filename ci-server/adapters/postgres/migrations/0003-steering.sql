-- Cancelling, superseding, and what became of each attempt.

alter table build
  add column cancel_reason text;
create index build_open on build (repository, id) where result is null;

create table build_attempt (
  build_id   bigint not null references build,
  attempt    integer not null,
  started_at timestamptz not null default now(),
  -- The last stage that was begun.
  stage      text,
  -- `ended`: the build has its result. `given_back`: on purpose. Null while it runs, and for ever when its worker died.
  outcome    text,
  primary key (build_id, attempt)
);
