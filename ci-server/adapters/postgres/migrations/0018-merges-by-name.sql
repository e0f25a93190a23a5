-- Ids of repositories are of one forge, and those of a new Gitea begin at 1: a merge is told apart by the name as well, under
-- which mergedock.yml has one repository of one forge. The same commit may be fast-forwarded as the same pull request's on two.

drop index build_merge;
create unique index build_merge on build (repository_id, pull_request_number, sha, coalesce(service, ''), lower(repository))
  where trigger = 'pull_request' and not replay;
