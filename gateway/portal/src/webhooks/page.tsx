import { useEffect, useRef, useState } from 'preact/hooks'
import { useAnswer } from '../graph/answers'
import { WebhooksDocument, type WebhooksQuery } from '../graph/generated'
import { focusHeading, usePlace, withQuery } from '../location'
import { isAdministrator, type Organization } from '../session'
import { Button } from '../ui/button'
import { Moment } from '../ui/moment'
import { FailureNotice, Notice, Skeleton } from '../ui/states'
import { useWords } from '../words'
import { WebhookDialog } from './form'
import {
  DeliveryState,
  type Disabling,
  eventsOf,
  lastMoment,
  useDisablings,
  WebhookState,
} from './state'
import { WebhookPage } from './webhook'

type Webhook = NonNullable<WebhooksQuery['organization']>['webhooks'][number]

/** `MAX_WEBHOOKS` in `resolvers/webhooks.py` says the same. */
const MOST_WEBHOOKS = 20

/** The organization's webhooks, or the one that the address names, for service administrators. */
export function WebhooksPage({ organization }: { organization: Organization }) {
  const { query } = usePlace()
  const shown = query.get('webhook')
  const before = useRef(shown)
  useEffect(() => {
    if (before.current !== shown) focusHeading()
    before.current = shown
  }, [shown])
  if (shown) return <WebhookPage key={shown} organization={organization} id={shown} />
  return <WebhookList organization={organization} />
}

function WebhookList({ organization }: { organization: Organization }) {
  const words = useWords()
  const labels = words.webhooks
  const { data, failure, busy, reload } = useAnswer(WebhooksDocument, {
    organizationId: organization.id,
  })
  const [creating, setCreating] = useState(false)
  const webhooks = data?.organization?.webhooks
  const disablings = useDisablings(organization.id, webhooks)
  return (
    <main class="page">
      <header class="page-header">
        <div>
          <h1 tabIndex={-1}>{words.titles.webhooks}</h1>
          <p class="subtitle">
            {organization.name}
            <span class="subtitle-count">{webhooks ? labels.count(webhooks.length) : ''}</span>
          </p>
        </div>
        {isAdministrator(organization) && (
          <div class="page-actions">
            <Button
              kind="primary"
              icon="plus"
              reason={(webhooks?.length ?? 0) >= MOST_WEBHOOKS ? labels.most(MOST_WEBHOOKS) : null}
              onClick={() => setCreating(true)}
            >
              {labels.create}
            </Button>
          </div>
        )}
      </header>
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : !webhooks ? (
        <Skeleton rows={3} kind="row" />
      ) : webhooks.length === 0 ? (
        <Notice icon="bolt" title={labels.empty.title}>
          <p>{labels.empty.text}</p>
        </Notice>
      ) : (
        <ul class="rows webhooks" aria-busy={busy}>
          {webhooks.map((webhook) => (
            <WebhookRow key={webhook.id} webhook={webhook} disabling={disablings.get(webhook.id)} />
          ))}
        </ul>
      )}
      {creating && (
        <WebhookDialog
          organizationId={organization.id}
          webhook={null}
          onClose={() => setCreating(false)}
          onSaved={reload}
        />
      )}
    </main>
  )
}

type RowProperties = { webhook: Webhook; disabling: Disabling | undefined }

function WebhookRow({ webhook, disabling }: RowProperties) {
  const words = useWords()
  const labels = words.webhooks
  const [last] = webhook.deliveries.nodes
  return (
    <li>
      <div class="webhook-what">
        <a href={withQuery({ webhook: webhook.id })}>{webhook.url}</a>
        <p class="secondary">{eventsOf(webhook.actions, words)}</p>
      </div>
      <div class="webhook-how">
        <WebhookState webhook={webhook} disabling={disabling} />
        <p class="secondary">
          {last ? (
            <>
              {labels.lastDelivery} <DeliveryState status={last.status} />{' '}
              <Moment at={lastMoment(last)} />
            </>
          ) : (
            labels.noDelivery
          )}
        </p>
      </div>
    </li>
  )
}
