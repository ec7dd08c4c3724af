import type { ProblemPartsFragment } from './graph/generated'
import type { Words } from './words'

export type Problem = ProblemPartsFragment

/** The problem in the reader's language; the gateway's own words where the catalogue has none. */
export function explain(problem: Problem, words: Words): string {
  switch (problem.__typename) {
    case 'LastServiceAdministratorError':
      return words.problems.lastAdministrator(names(problem.services))
    case 'UserHasRolesError':
      return words.problems.hasRoles(
        problem.selectedRoles.map(({ name, service }) =>
          words.users.roles.ofService(name, service.name),
        ),
      )
    case 'RateLimitedError':
      return words.problems.rateLimited(problem.retryAfterSeconds)
    case 'RoleError':
      if (problem.role)
        return words.problems.role(
          problem.role.name,
          words.problems.explain(problem.code, problem.message),
        )
  }
  return words.problems.explain(problem.code, problem.message)
}

function names(named: { name: string }[]): string[] {
  return named.map(({ name }) => name)
}

/** The messages for one field of an input. */
export function problemsAt(problems: Problem[], field: string, words: Words): string[] {
  return problems.filter(({ path }) => path[0] === field).map((problem) => explain(problem, words))
}
