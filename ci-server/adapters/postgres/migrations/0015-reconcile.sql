-- What did not arrive and was looked for: how a delivery came, the merges that git showed, and how far each look has come.

alter table delivery
  -- `webhook`, `api`, `git`.
  add column origin text not null default 'webhook';

-- Of a merge that git showed the forge's id of the repository is not known: its name and the commit stand for it.
create unique index build_reconciled on build (lower(repository), sha, coalesce(service, ''))
  where trigger = 'reconcile' and not replay;
create index build_sha on build (sha);

-- One row for each repository that somebody looks at. Names are in lower case.
create table reconcile (
  repository    text primary key,
  -- Looks that were begun, and the last one of them that has ended.
  round         bigint not null default 0,
  ended_round   bigint not null default 0,
  asked_at      timestamptz,
  looked_at     timestamptz,
  ended_at      timestamptz,
  -- Null: when it is asked for.
  due_at        timestamptz,
  -- While somebody looks, nobody else does.
  claimed_until timestamptz,
  -- `api`, `git`.
  way           text,
  found         integer not null default 0,
  problem       text
);

-- Until when all that a hook has sent is known here.
create table reconcile_hook (
  repository  text not null,
  hook_id     text not null,
  complete_at timestamptz not null,
  primary key (repository, hook_id)
);

-- Up to which commit a branch was looked through.
create table reconcile_branch (
  repository text not null,
  branch     text not null,
  tip        text not null,
  primary key (repository, branch)
);
