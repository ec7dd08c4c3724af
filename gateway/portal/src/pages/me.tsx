import { useAnswer } from '../graph/answers'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import {
  AccessTokensDocument,
  EndSessionDocument,
  ProfileDocument,
  type ProfileQuery,
  SignOutDocument,
  type SignOutScope,
} from '../graph/generated'
import { signOut } from '../session'
import { Button } from '../ui/button'
import { confirm } from '../ui/dialog'
import { Moment } from '../ui/moment'
import { FailureNotice, Notice, Skeleton } from '../ui/states'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { Tokens } from './tokens'

type Viewer = NonNullable<ProfileQuery['viewer']>

/** A person's own page: profiles, roles, and where the account is signed in. */
export function MyPage() {
  const words = useWords().me
  const { data, failure, reload } = useAnswer(ProfileDocument, {})
  const tokens = useAnswer(AccessTokensDocument, {})
  const viewer = data?.viewer
  return (
    <main class="page">
      <header class="page-header">
        <div>
          <h1 tabIndex={-1}>{words.title}</h1>
          <p class="subtitle">{viewer ? words.account(viewer.microsoftAccount) : ' '}</p>
        </div>
      </header>
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : !viewer || !(tokens.data || tokens.failure) ? (
        <Skeleton rows={3} kind="card" />
      ) : (
        <>
          <h2>{words.profiles}</h2>
          {viewer.profiles.length === 0 && (
            <Notice icon="building" title={words.noProfiles.title}>
              <p>{words.noProfiles.text}</p>
            </Notice>
          )}
          <div class="cards">
            {viewer.profiles.map((profile) => (
              <ProfileCard key={profile.id} profile={profile} />
            ))}
          </div>
          <Sessions sessions={viewer.sessions} reload={reload} />
          <Tokens answer={tokens} />
        </>
      )}
    </main>
  )
}

function ProfileCard({ profile }: { profile: Viewer['profiles'][number] }) {
  const words = useWords()
  const labels = words.me
  return (
    <section class="card" aria-label={profile.organization.name}>
      <h3>{profile.organization.name}</h3>
      <p class="secondary">
        {profile.firstName} {profile.lastName} · {profile.primaryEmailAddress}
      </p>
      {profile.roleAssignments.length === 0 ? (
        <p class="faint">{words.users.noRoles}</p>
      ) : (
        <ul class="assignments">
          {profile.roleAssignments.map(({ role, grantedBy, grantedAt }) => (
            <li key={role.id}>
              <span class="assignment-role">
                <strong>{role.name}</strong>
                <span class="secondary">{role.service.name}</span>
              </span>
              <span class="secondary">
                {grantedBy
                  ? labels.grantedBy(`${grantedBy.firstName} ${grantedBy.lastName}`)
                  : labels.granted}{' '}
                <Moment at={grantedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

type SessionsProperties = { sessions: Viewer['sessions']; reload: () => Promise<void> }

function Sessions({ sessions, reload }: SessionsProperties) {
  const words = useWords()
  const labels = words.me.sessions
  const [busy, attempt] = useAttempt(() => announce(words.failures.signOut, 'problem'))
  const others = sessions.length - 1
  const ordered = sessions.toSorted((one, other) => Number(other.isCurrent) - Number(one.isCurrent))

  const end = (scope: SignOutScope) =>
    attempt(async () => {
      if (scope !== 'OTHER_SESSIONS') return signOut(scope)
      const { signOut: payload } = await ask(SignOutDocument, { scope })
      announce(labels.ended(payload.signedOutSessions))
      await reload()
    })
  const endOne = (id: string) =>
    attempt(async () => {
      // One that has ended meanwhile is as good as ended: the list tells.
      const { endSession: payload } = await ask(EndSessionDocument, { id })
      if (payload.endedSessionId) announce(labels.ended(1))
      await reload()
    })
  const endAll = async () => {
    const { title, text, yes } = labels.confirmAll
    if (await confirm({ title, text, yes, no: words.cancel, danger: true }))
      await end('ALL_SESSIONS')
  }
  return (
    <section class="block" aria-labelledby="sessions">
      <h2 id="sessions">{labels.title}</h2>
      <p class="secondary">{labels.text}</p>
      <ul class="rows">
        {ordered.map((session) => (
          <li key={session.id}>
            <div>
              <strong>{session.client ?? labels.unknownClient}</strong>
              {session.isCurrent && <span class="tag">{labels.current}</span>}
              <p class="secondary">
                {labels.seen} <Moment at={session.lastSeenAt} /> · {labels.since}{' '}
                <Moment at={session.createdAt} how="absolute" />
              </p>
            </div>
            {session.isCurrent ? (
              <Button icon="door" busy={busy} onClick={() => end('THIS_SESSION')}>
                {labels.endThis}
              </Button>
            ) : (
              <Button
                busy={busy}
                label={labels.endOne(session.client ?? labels.unknownClient)}
                onClick={() => endOne(session.id)}
              >
                {words.signOut}
              </Button>
            )}
          </li>
        ))}
      </ul>
      <div class="row-actions">
        <Button
          busy={busy}
          reason={others > 0 ? null : labels.noOthers}
          onClick={() => end('OTHER_SESSIONS')}
        >
          {labels.endOthers}
        </Button>
        <Button kind="danger" busy={busy} onClick={endAll}>
          {labels.endAll}
        </Button>
      </div>
    </section>
  )
}
