-- What of the activity list has changed, for those who look on: a ring, swept with the ledger.

create table change (
  -- Of the transaction that made the change: who has which snapshot knows which of them.
  xid         xid8 not null default pg_current_xact_id(),
  -- One of the two.
  build_id    bigint,
  delivery_id bigint
);
create index change_xid on change (xid);

-- One row: the last transaction of which a change was swept.
create table change_sweep (
  id  integer primary key check (id = 1),
  xid xid8 not null
);

-- What a batch of deliveries brings is noted by the statement that stores it. All else is few rows at a time.
create function note_build() returns trigger language plpgsql as $$
begin
  insert into change (build_id) values (new.id);
  perform pg_notify('mergedock_build', 'activity');
  return null;
end $$;

create function note_build_of() returns trigger language plpgsql as $$
begin
  insert into change (build_id) values (new.build_id);
  perform pg_notify('mergedock_build', 'activity');
  return null;
end $$;

create trigger build_asked_for after insert on build
  for each row when (new.trigger <> 'pull_request' or new.replay) execute function note_build();
create trigger build_changed
  after update of sha, attempts, cancel_reason, merge, skip_reason, plan, result, failure, finished_at on build
  for each row execute function note_build();
create trigger stage_changed after insert or update on build_stage for each row execute function note_build_of();
create trigger image_removed after update of removed_at on image for each row execute function note_build_of();
