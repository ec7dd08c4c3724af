import { useState } from 'preact/hooks'
import { useAnswer } from '../graph/answers'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import { RemovalBlockersDocument, RemoveUsersDocument } from '../graph/generated'
import { explain, type Problem } from '../problems'
import { manageable, type Organization } from '../session'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { FailureNotice, Skeleton } from '../ui/states'
import { announce } from '../ui/toasts'
import { useWords, type Words } from '../words'
import { lockedServices } from './reasons'
import { RefusedUser } from './refused-user'

type Person = { id: string; firstName: string; lastName: string; microsoftAccount: string }
type Properties = {
  organization: Organization
  users: Person[]
  onClose: () => void
  onDeleted: () => Promise<void>
}

/**
 * Asks before deleting. What blocks a deletion (rule 38: roles left) is asked of the gateway first,
 * so that the dialog says it and leads to the form; the gateway still decides at the deletion.
 */
export function DeleteDialog({ organization, users, onClose, onDeleted }: Properties) {
  const words = useWords()
  const labels = words.users.remove
  const { data, failure, busy, reload } = useAnswer(RemovalBlockersDocument, {
    ids: users.map(({ id }) => id),
  })
  const [refused, setRefused] = useState<ReadonlyMap<string, Problem[]>>(new Map())
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set())
  const [deleting, attempt] = useAttempt()

  const answers = new Map(
    data?.nodes.flatMap((node) => (node?.__typename === 'User' ? [[node.id, node] as const] : [])),
  )
  const rows = users
    .filter(({ id }) => !gone.has(id))
    .map((person) => ({
      person,
      version: answers.get(person.id)?.version,
      missing: data !== undefined && !answers.has(person.id),
      problems: refused.get(person.id) ?? answers.get(person.id)?.removalBlockers ?? [],
    }))
  const free = rows.filter(({ problems, missing }) => problems.length === 0 && !missing)
  const blocked = rows.filter(({ problems, missing }) => problems.length > 0 || missing)

  const remove = () =>
    attempt(async () => {
      const input = { users: free.map(({ person, version }) => ({ id: person.id, version })) }
      const { removeUsers } = await ask(RemoveUsersDocument, { input })
      const problems = new Map<string, Problem[]>()
      const removed = new Set(gone)
      free.forEach(({ person }, row) => {
        const found = removeUsers.results[row]?.userErrors ?? removeUsers.userErrors
        if (found.length > 0) problems.set(person.id, found)
        else removed.add(person.id)
      })
      const count = removed.size - gone.size
      if (count > 0) announce(labels.done(count))
      await onDeleted()
      if (problems.size === 0 && blocked.length === 0) onClose()
      else {
        setGone(removed)
        setRefused(problems)
      }
    })

  const title =
    !busy && free.length === 0 ? labels.blockedTitle(blocked.length) : labels.title(free.length)
  return (
    <Dialog
      wide
      title={busy ? labels.checking : title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{free.length > 0 ? words.cancel : words.close}</Button>
          {!busy && free.length > 0 && (
            <Button kind="danger" icon="bin" busy={deleting} onClick={remove}>
              {labels.confirm(free.length)}
            </Button>
          )}
        </>
      }
    >
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : busy ? (
        <Skeleton rows={Math.min(users.length, 3)} kind="line" />
      ) : (
        <>
          {free.length > 0 && (
            <>
              <p>{labels.consequence}</p>
              <ul class="results plain">
                {free.map(({ person }) => (
                  <li key={person.id}>
                    <strong>
                      {person.firstName} {person.lastName}
                    </strong>
                    <span>{person.microsoftAccount}</span>
                  </li>
                ))}
              </ul>
            </>
          )}
          {blocked.length > 0 && (
            <>
              {free.length > 0 && <h3>{labels.blockedTitle(blocked.length)}</h3>}
              <ul class="results">
                {blocked.map(({ person, problems, missing }) => (
                  <RefusedUser
                    key={person.id}
                    person={person}
                    text={
                      missing
                        ? words.problems.codes.NOT_FOUND
                        : problems
                            .flatMap((problem) => [
                              explain(problem, words),
                              ...remedies(problem, organization, words),
                            ])
                            .join(' ')
                    }
                    rolesMendIt={problems.some(
                      (problem) => removable(problem, organization).length > 0,
                    )}
                  />
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </Dialog>
  )
}

const rolesOf = (problem: Problem) =>
  problem.__typename === 'UserHasRolesError' ? problem.selectedRoles : []

/** The services of the roles in the way that the viewer can remove. */
function removable(problem: Problem, organization: Organization): string[] {
  const held = new Set(rolesOf(problem).map(({ service }) => service.id))
  return manageable(organization).flatMap(({ service }) =>
    held.has(service.id) ? [service.name] : [],
  )
}

/** Who has to remove the roles in the way, or why nobody can (rules 4, 11 and 14). */
function remedies(problem: Problem, organization: Organization, words: Words): string[] {
  const labels = words.users.remove
  const held = new Map(rolesOf(problem).map(({ service }) => [service.id, service.name]))
  const own = organization.subscriptions.filter((one) => one.viewerIsServiceAdministrator)
  const mine = removable(problem, organization)
  const inTheWay = organization.subscriptions.filter(({ service }) => held.has(service.id))
  const others = [...held].filter(([id]) => own.every(({ service }) => service.id !== id))
  return [
    ...(mine.length === 0 ? [] : [mine.length === held.size ? labels.all : labels.those(mine)]),
    ...(others.length === 0 ? [] : [labels.others(others.map(([, name]) => name))]),
    ...lockedServices(organization, words, inTheWay),
  ]
}
