import { useState } from 'preact/hooks'
import { useAnswer } from '../graph/answers'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import {
  type DeliveryStatus,
  EditWebhookDocument,
  RemoveWebhookDocument,
  RotateWebhookSecretDocument,
  WebhookSeenDocument,
  type WebhookSeenQuery,
  type WebhookStatus,
} from '../graph/generated'
import { navigate, usePlace, withQuery } from '../location'
import { explain } from '../problems'
import type { Organization } from '../session'
import { Button } from '../ui/button'
import { confirm } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Moment } from '../ui/moment'
import { pageArguments } from '../ui/pager'
import { SecretDialog } from '../ui/secret'
import { FailureNotice, Notice, Skeleton } from '../ui/states'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { Deliveries } from './deliveries'
import { WebhookDialog } from './form'
import { eventsOf, hostOf, useDisablings, WebhookState } from './state'

export type SeenWebhook = Extract<NonNullable<WebhookSeenQuery['node']>, { __typename: 'Webhook' }>

const PAGE_SIZE = 50
const STATUSES: readonly DeliveryStatus[] = ['QUEUED', 'SENT', 'FAILED']

/** Leaves the page of one webhook, and what the address says of its deliveries. */
const THE_LIST = { webhook: null, outcome: null, after: null, before: null }

/** One webhook: what it is told, its state, and its deliveries. */
export function WebhookPage({ organization, id }: { organization: Organization; id: string }) {
  const words = useWords()
  const labels = words.webhooks
  const { query } = usePlace()
  const outcome = STATUSES.find((one) => one === query.get('outcome')) ?? null
  const { data, failure, busy, reload, refresh } = useAnswer(WebhookSeenDocument, {
    id,
    status: outcome && [outcome],
    ...pageArguments(query, PAGE_SIZE),
  })
  const node = data?.node
  const webhook =
    node?.__typename === 'Webhook' && node.organization.id === organization.id ? node : null
  if (data && !webhook && !failure) {
    return (
      <main class="page">
        <Notice
          page
          icon="search"
          title={labels.missing.title}
          actions={
            <Button onClick={() => void navigate(withQuery(THE_LIST))}>{labels.page.back}</Button>
          }
        >
          <p>{labels.missing.text}</p>
        </Notice>
      </main>
    )
  }
  return (
    <main class="page">
      <header class="page-header webhook-header">
        <div>
          <a class="back" href={withQuery(THE_LIST)}>
            <Icon name="previous" />
            {labels.page.back}
          </a>
          <h1 tabIndex={-1}>{webhook ? hostOf(webhook.url) : words.titles.webhooks}</h1>
          <p class="subtitle">{organization.name}</p>
        </div>
        {webhook && (
          <Actions webhook={webhook} organizationId={organization.id} onChanged={refresh} />
        )}
      </header>
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : webhook ? (
        <>
          <Facts webhook={webhook} organizationId={organization.id} />
          <Deliveries webhook={webhook} outcome={outcome} busy={busy} refresh={refresh} />
        </>
      ) : (
        <Skeleton rows={2} kind="card" />
      )}
    </main>
  )
}

type FactsProperties = { webhook: SeenWebhook; organizationId: string }

function Facts({ webhook, organizationId }: FactsProperties) {
  const words = useWords()
  const labels = words.webhooks.page
  const disablings = useDisablings(organizationId, [webhook])
  const { createdBy } = webhook
  return (
    <section class="card">
      <dl class="facts webhook-facts">
        <dt>{labels.address}</dt>
        <dd>{webhook.url}</dd>
        <dt>{labels.events}</dt>
        <dd>{eventsOf(webhook.actions, words)}</dd>
        <dt>{labels.status}</dt>
        <dd>
          <WebhookState webhook={webhook} disabling={disablings.get(webhook.id)} />
        </dd>
        <dt>{labels.registered}</dt>
        <dd>
          <Moment at={webhook.createdAt} how="absolute" />{' '}
          {createdBy && words.webhooks.by(`${createdBy.firstName} ${createdBy.lastName}`)}
        </dd>
      </dl>
    </section>
  )
}

type ActionsProperties = {
  webhook: SeenWebhook
  organizationId: string
  onChanged: () => Promise<void>
}

function Actions({ webhook, organizationId, onChanged }: ActionsProperties) {
  const words = useWords()
  const labels = words.webhooks.page
  const [editing, setEditing] = useState(false)
  const [secret, setSecret] = useState<string | null>(null)
  const [busy, attempt] = useAttempt()
  const { id } = webhook
  const sure = (question: { title: string; text: string; yes: string }, danger: boolean) =>
    confirm({ ...question, no: words.cancel, danger })

  const change = async (status: WebhookStatus) => {
    if (status === 'DISABLED' && !(await sure(labels.confirmDisable, true))) return
    await attempt(async () => {
      const { editWebhook: payload } = await ask(EditWebhookDocument, { input: { id, status } })
      const [problem] = payload.userErrors
      if (problem) announce(explain(problem, words), 'problem')
      else announce(status === 'DISABLED' ? labels.disabled : labels.enabled)
      await onChanged()
    })
  }
  const rotate = async () => {
    if (!(await sure(labels.confirmRotate, false))) return
    await attempt(async () => {
      const { rotateWebhookSecret: payload } = await ask(RotateWebhookSecretDocument, { id })
      const [problem] = payload.userErrors
      if (problem) announce(explain(problem, words), 'problem')
      setSecret(payload.secret)
      await onChanged()
    })
  }
  const remove = async () => {
    if (!(await sure(labels.confirmRemove, true))) return
    await attempt(async () => {
      const { removeWebhook: payload } = await ask(RemoveWebhookDocument, { id })
      const problem = payload.userErrors.find(({ code }) => code !== 'NOT_FOUND')
      if (problem) return announce(explain(problem, words), 'problem')
      // One that a colleague removed meanwhile is gone all the same.
      announce(labels.removed)
      await navigate(withQuery(THE_LIST), 'replace')
    })
  }
  return (
    <>
      <div class="page-actions" role="group" aria-label={labels.actions}>
        <Button icon="pencil" onClick={() => setEditing(true)}>
          {labels.edit}
        </Button>
        <Button
          busy={busy}
          onClick={() => change(webhook.status === 'ENABLED' ? 'DISABLED' : 'ENABLED')}
        >
          {webhook.status === 'ENABLED' ? labels.disable : labels.enable}
        </Button>
        <Button icon="lock" busy={busy} onClick={rotate}>
          {labels.rotate}
        </Button>
        <Button kind="danger" icon="bin" busy={busy} onClick={remove}>
          {labels.remove}
        </Button>
      </div>
      {editing && (
        <WebhookDialog
          organizationId={organizationId}
          webhook={webhook}
          onClose={() => setEditing(false)}
          onSaved={onChanged}
        />
      )}
      {secret && (
        <SecretDialog
          secret={secret}
          labels={words.webhooks.secret}
          onClose={() => setSecret(null)}
        />
      )}
    </>
  )
}
