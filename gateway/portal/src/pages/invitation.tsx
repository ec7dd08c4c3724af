import { useEffect, useRef, useState } from 'preact/hooks'
import { useAnswer } from '../graph/answers'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import {
  AcceptInvitationDocument,
  type AcceptInvitationMutation,
  InvitationPreviewDocument,
} from '../graph/generated'
import { addressOf, signInAddress } from '../location'
import { explain, type Problem } from '../problems'
import { signOut, useSession } from '../session'
import { Button } from '../ui/button'
import { Icon, Mark } from '../ui/icon'
import { FailureNotice, Skeleton } from '../ui/states'
import { useWords } from '../words'

type AcceptedUser = NonNullable<AcceptInvitationMutation['acceptInvitation']['user']>

/** Where a mail's link leads. Opening it changes nothing (rule 26); completing is a click. */
export function InvitationPage({ token }: { token: string }) {
  const words = useWords()
  const labels = words.invitation
  const session = useSession()
  const { data, failure, reload } = useAnswer(InvitationPreviewDocument, { token })
  const [user, setUser] = useState<AcceptedUser | null>(null)
  const asked = useRef(false)
  useEffect(() => {
    // Looking needs no session: the refusal of one that has ended has also taken it away.
    if (failure?.kind !== 'signed-out' || asked.current) return
    asked.current = true
    void reload()
  }, [failure, reload])
  const [problems, setProblems] = useState<Problem[]>([])
  const [otherAccount, setOtherAccount] = useState(false)
  const [busy, attempt] = useAttempt()
  const here = `/invitations/${encodeURIComponent(token)}`

  const complete = () =>
    attempt(async () => {
      const { acceptInvitation } = await ask(AcceptInvitationDocument, { input: { token } })
      setProblems(acceptInvitation.userErrors)
      setOtherAccount(acceptInvitation.signOutFirst)
      if (acceptInvitation.user) {
        setUser(acceptInvitation.user)
        await session.reload()
      }
    })
  const switchAccount = () => attempt(() => signOut('THIS_SESSION', here))

  if (failure) {
    return (
      <main class="page hero">
        <FailureNotice failure={failure} retry={reload} />
      </main>
    )
  }
  if (!data || session.state === 'loading') {
    return (
      <main class="page hero">
        <Skeleton rows={1} kind="card" />
      </main>
    )
  }
  if (user) return <Completed user={user} />

  const { usable, organizationName, serviceNames, maskedMicrosoftAccount } = data.invitationPreview
  const account = maskedMicrosoftAccount ?? ''
  const dead = problems.length > 0 && !otherAccount
  if (!usable || dead) return <Unusable problems={problems} />
  return (
    <main class="page hero">
      <section class="hero-card">
        <Mark />
        <h1 tabIndex={-1}>{labels.title(organizationName ?? '')}</h1>
        <p class="lead">{labels.text(serviceNames)}</p>
        <dl class="facts">
          <dt>{labels.needed}</dt>
          <dd>{account}</dd>
          {session.viewer && (
            <>
              <dt>{labels.signedInAs}</dt>
              <dd>{session.viewer.microsoftAccount}</dd>
            </>
          )}
        </dl>
        {otherAccount ? (
          <div class="banner problem" role="alert">
            <Icon name="warning" />
            <div>
              <strong>{labels.otherAccount.title}</strong>
              <p>{labels.otherAccount.text(account)}</p>
            </div>
          </div>
        ) : null}
        {!session.viewer ? (
          <>
            <a class="button primary large" href={signInAddress(here)}>
              {labels.signIn}
            </a>
            <p class="faint">{labels.nothingYet}</p>
          </>
        ) : otherAccount ? (
          <Button kind="primary" class="large" icon="door" busy={busy} onClick={switchAccount}>
            {labels.otherAccount.signOut}
          </Button>
        ) : (
          <>
            <Button kind="primary" class="large" busy={busy} onClick={complete}>
              {labels.complete}
            </Button>
            <Button kind="quiet" busy={busy} onClick={switchAccount}>
              {labels.useAnother}
            </Button>
          </>
        )}
      </section>
    </main>
  )
}

function Unusable({ problems }: { problems: Problem[] }) {
  const words = useWords()
  const labels = words.invitation.unusable
  return (
    <main class="page hero">
      <section class="hero-card">
        <span class="notice-icon">
          <Icon name="envelope" />
        </span>
        <h1 tabIndex={-1}>{labels.title}</h1>
        {problems.length > 0 ? (
          <p class="lead" role="alert">
            {problems.map((problem) => explain(problem, words)).join(' ')}
          </p>
        ) : (
          <p class="lead">{labels.text}</p>
        )}
        <ul class="advice">
          {labels.advice.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        <a class="button" href="/">
          {labels.toPortal}
        </a>
      </section>
    </main>
  )
}

function Completed({ user }: { user: AcceptedUser }) {
  const words = useWords().invitation.done
  return (
    <main class="page hero">
      <section class="hero-card" role="status">
        <span class="notice-icon good">
          <Icon name="check" />
        </span>
        <h1 tabIndex={-1}>{words.title(user.firstName)}</h1>
        <p class="lead">{words.text(user.organization.name)}</p>
        <ul class="role-names centred">
          {user.selectedRoles.map((role) => (
            <li key={role.id}>
              <span class="secondary">{role.service.name}</span>
              <span>{role.name}</span>
            </li>
          ))}
        </ul>
        <a
          class="button primary large"
          href={addressOf('/checklist', { organization: user.organization.id })}
        >
          {words.go}
        </a>
      </section>
    </main>
  )
}
