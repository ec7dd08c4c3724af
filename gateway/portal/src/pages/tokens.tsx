import { useState } from 'preact/hooks'
import type { Answer } from '../graph/answers'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import {
  type AccessScope,
  type AccessTokensQuery,
  CreateAccessTokenDocument,
  RevokeAccessTokenDocument,
} from '../graph/generated'
import { type Problem, problemsAt } from '../problems'
import { Button } from '../ui/button'
import { toggled } from '../ui/choices'
import { confirm, Dialog } from '../ui/dialog'
import { FieldProblems, GeneralProblems, SelectField, TextField } from '../ui/field'
import { Moment } from '../ui/moment'
import { SecretDialog } from '../ui/secret'
import { FailureNotice } from '../ui/states'
import { announce } from '../ui/toasts'
import { useWords } from '../words'

type Token = NonNullable<AccessTokensQuery['viewer']>['accessTokens'][number]

const SCOPES: AccessScope[] = ['READ', 'MANAGE_USERS', 'INVITE_USERS', 'READ_AUDIT']
const DAYS = ['7', '30', '90', '365'] as const
const DAY_MS = 86_400_000

/** The account's access tokens: making, seeing and revoking them. */
export function Tokens({ answer }: { answer: Answer<AccessTokensQuery> }) {
  const words = useWords()
  const labels = words.me.tokens
  const { data, failure, reload } = answer
  const [creating, setCreating] = useState(false)
  const [busy, attempt] = useAttempt()
  const tokens = data?.viewer?.accessTokens

  const revoke = async (token: Token) => {
    const { title, text, yes } = labels.confirm
    const sure = await confirm({
      title: title(token.name),
      text,
      yes,
      no: words.cancel,
      danger: true,
    })
    if (!sure) return
    await attempt(async () => {
      // One that has ended meanwhile is as good as revoked: the list tells.
      const { revokeAccessToken: payload } = await ask(RevokeAccessTokenDocument, { id: token.id })
      if (payload.revokedAccessTokenId) announce(labels.revoked(token.name))
      await reload()
    })
  }
  return (
    <section class="block" aria-labelledby="tokens">
      <h2 id="tokens">{labels.title}</h2>
      <p class="secondary">{labels.text}</p>
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : !tokens || tokens.length === 0 ? (
        <p class="faint">{labels.none}</p>
      ) : (
        <ul class="rows">
          {tokens.map((token) => (
            <TokenRow key={token.id} token={token} busy={busy} onRevoke={() => revoke(token)} />
          ))}
        </ul>
      )}
      <div class="row-actions">
        <Button icon="plus" onClick={() => setCreating(true)}>
          {labels.create}
        </Button>
      </div>
      {creating && <CreateDialog onClose={() => setCreating(false)} onCreated={reload} />}
    </section>
  )
}

type RowProperties = { token: Token; busy: boolean; onRevoke: () => void }

function TokenRow({ token, busy, onRevoke }: RowProperties) {
  const labels = useWords().me.tokens
  const expired = Date.parse(token.expiresAt) <= Date.now()
  return (
    <li>
      <div>
        <strong>{token.name}</strong> <code>{token.prefix}…</code>
        {expired && <span class="status bad">{labels.expired}</span>}
        <p class="secondary">{token.scopes.map((scope) => labels.scopes[scope].name).join(', ')}</p>
        <p class="secondary">
          {token.lastUsedAt ? (
            <>
              {labels.used} <Moment at={token.lastUsedAt} />
            </>
          ) : (
            labels.neverUsed
          )}{' '}
          · {expired ? labels.ended : labels.ends} <Moment at={token.expiresAt} how="absolute" />
        </p>
      </div>
      <Button kind="danger" busy={busy} label={labels.revokeOne(token.name)} onClick={onRevoke}>
        {labels.revoke}
      </Button>
    </li>
  )
}

type DialogProperties = { onClose: () => void; onCreated: () => Promise<void> }

function CreateDialog({ onClose, onCreated }: DialogProperties) {
  const words = useWords()
  const labels = words.me.tokens
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<AccessScope[]>(['READ'])
  const [days, setDays] = useState<(typeof DAYS)[number]>('90')
  const [problems, setProblems] = useState<Problem[]>([])
  const [busy, attempt] = useAttempt()
  const [secret, setSecret] = useState<string | null>(null)
  if (secret) return <SecretDialog secret={secret} labels={labels} onClose={onClose} />

  const fields = ['name', 'scopes', 'expiresAt']
  const general = problems.filter(({ path }) => !fields.includes(path[0] ?? ''))
  const submit = async (event: Event) => {
    event.preventDefault()
    if (busy) return
    await attempt(async () => {
      const expiresAt = new Date(Date.now() + Number(days) * DAY_MS).toISOString()
      const input = { name, scopes: SCOPES.filter((scope) => scopes.includes(scope)), expiresAt }
      const { createAccessToken: payload } = await ask(CreateAccessTokenDocument, { input })
      setProblems(payload.userErrors)
      if (payload.secret) {
        setSecret(payload.secret)
        await onCreated()
      } else focusProblem(payload.userErrors)
    })
  }
  const scopeProblems = problemsAt(problems, 'scopes', words)
  return (
    <Dialog
      title={labels.create}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button kind="primary" type="submit" form="new-token" busy={busy}>
            {labels.submit}
          </Button>
        </>
      }
    >
      <form id="new-token" noValidate onSubmit={submit}>
        <GeneralProblems problems={general} />
        <TextField
          label={labels.name}
          name="token-name"
          value={name}
          onInput={setName}
          problems={problemsAt(problems, 'name', words)}
          hint={labels.nameHint}
        />
        <fieldset
          class="choices"
          aria-describedby={scopeProblems.length > 0 ? 'scopes-problem' : undefined}
        >
          <legend>{labels.scopesLabel}</legend>
          {SCOPES.map((scope) => (
            <label key={scope} class="choice">
              <input
                id={`scope-${scope}`}
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={() => setScopes(toggled(scope))}
              />
              <span>
                {labels.scopes[scope].name}
                <span class="secondary">{labels.scopes[scope].text}</span>
              </span>
            </label>
          ))}
          <FieldProblems id="scopes-problem" problems={scopeProblems} />
        </fieldset>
        <SelectField
          label={labels.lasts}
          name="token-days"
          value={days}
          onChange={setDays}
          problems={problemsAt(problems, 'expiresAt', words)}
        >
          {DAYS.map((one) => (
            <option key={one} value={one}>
              {labels.days(Number(one))}
            </option>
          ))}
        </SelectField>
      </form>
    </Dialog>
  )
}

/** Bring the reader to the first field that has a problem. */
function focusProblem(problems: Problem[]): void {
  const place = { name: 'field-token-name', scopes: `scope-${SCOPES[0]}` }
  const field = problems[0]?.path[0]
  if (field === 'name' || field === 'scopes') document.getElementById(place[field])?.focus()
}
