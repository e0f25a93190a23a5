// The build of a merge, whichever way the merge became known: of its delivery, or of what git showed.

/**
 * Of a row `m` with repository_id (null where git showed it), repository, number, sha and service. A delivery says of itself which
 * merge it is; what git showed is known by the repository's name and its commit. One index for each part.
 */
export const mergeBuildSql = `select id from (
    (select id from build where trigger = 'pull_request' and not replay and repository_id = m.repository_id
       and pull_request_number = m.number and sha = m.sha and coalesce(service, '') = m.service
       and lower(repository) = lower(m.repository) limit 1)
    union all
    (select id from build where trigger = 'reconcile' and not replay and lower(repository) = lower(m.repository)
       and sha = m.sha and coalesce(service, '') = m.service limit 1)
    union all
    (select id from build where m.repository_id is null and trigger = 'pull_request' and not replay and sha = m.sha
       and lower(repository) = lower(m.repository) and coalesce(service, '') = m.service limit 1)) one limit 1`;
