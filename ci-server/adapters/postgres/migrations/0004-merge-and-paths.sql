-- What a merge changed, why a build was skipped, and the service in the identity of a merge's build.

alter table build
  -- { method, since, files }: how it was merged, where its changes begin, how many files they are.
  add column merge jsonb,
  -- The first of the files; apart from `merge`, so that lists of builds need not read them.
  add column changed_files text[],
  add column skip_reason text;

-- Null is all of the repository, and no two nulls are equal.
drop index build_merge;
create unique index build_merge on build (repository_id, pull_request_number, sha, coalesce(service, ''))
  where trigger = 'pull_request' and not replay;
