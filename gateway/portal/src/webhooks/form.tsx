import { useState } from 'preact/hooks'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import {
  type AuditAction,
  CreateWebhookDocument,
  EditWebhookDocument,
  type WebhookPartsFragment,
} from '../graph/generated'
import { type Problem, problemsAt } from '../problems'
import { Button } from '../ui/button'
import { toggled } from '../ui/choices'
import { Dialog } from '../ui/dialog'
import { FieldProblems, GeneralProblems, TextField } from '../ui/field'
import { SecretDialog } from '../ui/secret'
import { announce } from '../ui/toasts'
import { useWords } from '../words'

const FORM = 'webhook-form'
const URL_FIELD = 'field-webhook-url'
const ONLY_SOME = 'webhook-some'

type Properties = {
  organizationId: string
  /** The webhook to edit; null for a new one, whose secret is then shown. */
  webhook: WebhookPartsFragment | null
  onClose: () => void
  onSaved: () => Promise<void>
}

/** An address, and of which events it is told. */
export function WebhookDialog({ organizationId, webhook, onClose, onSaved }: Properties) {
  const words = useWords()
  const labels = words.webhooks.form
  const [url, setUrl] = useState(webhook?.url ?? '')
  const [some, setSome] = useState((webhook?.actions.length ?? 0) > 0)
  const [chosen, setChosen] = useState<readonly AuditAction[]>(webhook?.actions ?? [])
  const [problems, setProblems] = useState<Problem[]>([])
  const [noneChosen, setNoneChosen] = useState(false)
  const [secret, setSecret] = useState<string | null>(null)
  const [busy, attempt] = useAttempt()
  if (secret) {
    return <SecretDialog secret={secret} labels={words.webhooks.secret} onClose={onClose} />
  }

  const kinds = Object.keys(words.audit.actions) as AuditAction[]
  const actions = some ? kinds.filter((kind) => chosen.includes(kind)) : []
  const newUrl = webhook?.url === url ? null : url
  const sameActions =
    webhook?.actions.length === actions.length &&
    webhook.actions.every((action) => actions.includes(action))

  const create = async () => {
    const { createWebhook: payload } = await ask(CreateWebhookDocument, {
      input: { organizationId, url, actions },
    })
    if (!payload.secret) return refuse(payload.userErrors)
    setSecret(payload.secret)
    await onSaved()
  }
  // What was not touched is left out, so that a colleague's change to it stays.
  const edit = async (id: string) => {
    const { editWebhook: payload } = await ask(EditWebhookDocument, {
      input: { id, url: newUrl, actions: sameActions ? null : actions },
    })
    if (!payload.webhook) return refuse(payload.userErrors)
    announce(labels.saved)
    onClose()
    await onSaved()
  }
  const refuse = (found: Problem[]) => {
    setProblems(found)
    if (found[0]?.path[0] === 'url') document.getElementById(URL_FIELD)?.focus()
  }
  const submit = async (event: Event) => {
    event.preventDefault()
    if (busy) return
    setProblems([])
    // No action at all would mean all of them.
    const missing = some && actions.length === 0
    setNoneChosen(missing)
    if (missing) return document.getElementById(ONLY_SOME)?.focus()
    await attempt(() => (webhook ? edit(webhook.id) : create()))
  }
  const eventProblems = [
    ...(noneChosen && actions.length === 0 ? [labels.chooseOne] : []),
    ...problemsAt(problems, 'actions', words),
  ]
  const general = problems.filter(({ path }) => path[0] !== 'url' && path[0] !== 'actions')
  const unchanged = webhook !== null && newUrl === null && sameActions
  return (
    <Dialog
      wide
      title={webhook ? labels.editTitle : labels.newTitle}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button
            kind="primary"
            type="submit"
            form={FORM}
            busy={busy}
            reason={unchanged ? words.users.form.nothingToSave : null}
          >
            {webhook ? words.users.form.save : labels.register}
          </Button>
        </>
      }
    >
      <form id={FORM} noValidate onSubmit={submit}>
        <GeneralProblems problems={general} />
        <TextField
          label={labels.url}
          name="webhook-url"
          type="url"
          value={url}
          onInput={setUrl}
          problems={problemsAt(problems, 'url', words)}
          hint={labels.urlHint}
        />
        <fieldset
          class="choices"
          aria-describedby={eventProblems.length > 0 ? 'events-problem' : undefined}
        >
          <legend>{labels.whichEvents}</legend>
          {[false, true].map((value) => {
            const { name, text } = value ? labels.some : labels.all
            return (
              <label key={name} class="choice">
                <input
                  id={value ? ONLY_SOME : undefined}
                  type="radio"
                  name="webhook-events"
                  checked={some === value}
                  onChange={() => setSome(value)}
                />
                <span>
                  {name}
                  <span class="secondary">{text}</span>
                </span>
              </label>
            )
          })}
          <FieldProblems id="events-problem" problems={eventProblems} />
          {some && (
            <ul class="event-kinds" aria-label={labels.some.name}>
              {kinds.map((kind) => (
                <li key={kind}>
                  <label class="choice">
                    <input
                      type="checkbox"
                      checked={chosen.includes(kind)}
                      onChange={() => setChosen(toggled(kind))}
                    />
                    <span>{words.audit.actions[kind]}</span>
                  </label>
                </li>
              ))}
            </ul>
          )}
        </fieldset>
      </form>
    </Dialog>
  )
}
