-- How the forges' APIs fare. A worker learns it, and a receiver on another machine shows it.

create table forge_health (
  api_url    text not null,
  -- Who asks, without any secret; empty: the API itself, whoever asks.
  credential text not null,
  forge      text not null,
  -- `ok`, `rate_limited`, `no_answer`.
  state      text not null,
  since      timestamptz not null,
  seen_at    timestamptz not null,
  -- Not to be asked before.
  until      timestamptz,
  problem    text,
  primary key (api_url, credential)
);
