import { ask } from '../graph/client'
import { InviteUsersDocument } from '../graph/generated'
import { explain, type Problem } from '../problems'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { useWords } from '../words'
import { RefusedUser } from './refused-user'

type Person = { id: string; firstName: string; lastName: string }
export type InviteOutcome = {
  sent: Person[]
  refused: { person: Person; problems: Problem[] }[]
}

/** Send to each; a refusal of one stops none of the others (rule 31). */
export async function sendInvitations(people: Person[]): Promise<InviteOutcome> {
  const answer = await ask(InviteUsersDocument, { input: { userIds: people.map(({ id }) => id) } })
  const { results, userErrors } = answer.inviteUsers
  const outcome: InviteOutcome = { sent: [], refused: [] }
  people.forEach((person, row) => {
    const problems = results[row]?.userErrors ?? userErrors
    if (problems.length > 0) outcome.refused.push({ person, problems })
    else outcome.sent.push(person)
  })
  return outcome
}

type Properties = {
  outcome: InviteOutcome
  busy: boolean
  onRetry: (people: Person[]) => void
  onClose: () => void
}

/** Which invitations were refused and why, row by row, with what can be done about it. */
export function InviteDialog({ outcome, busy, onRetry, onClose }: Properties) {
  const words = useWords()
  const labels = words.users.invite
  const lacksRole = ({ code }: Problem) => code === 'ROLE_REQUIRED'
  // What else is refused would be refused again.
  const delayed = outcome.refused.filter(({ problems }) =>
    problems.every(({ code }) => code === 'RATE_LIMITED'),
  )
  return (
    <Dialog
      wide
      title={labels.someRefused(outcome.refused.length)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.close}</Button>
          {delayed.length > 0 && (
            <Button
              kind="primary"
              icon="refresh"
              busy={busy}
              onClick={() => onRetry(delayed.map(({ person }) => person))}
            >
              {labels.retry(delayed.length)}
            </Button>
          )}
        </>
      }
    >
      {outcome.sent.length > 0 && <p class="result-summary">{labels.sent(outcome.sent.length)}</p>}
      <ul class="results">
        {outcome.refused.map(({ person, problems }) => (
          <RefusedUser
            key={person.id}
            person={person}
            text={problems
              .map((problem) => (lacksRole(problem) ? labels.roleFirst : explain(problem, words)))
              .join(' ')}
            rolesMendIt={problems.some(lacksRole)}
          />
        ))}
      </ul>
    </Dialog>
  )
}
