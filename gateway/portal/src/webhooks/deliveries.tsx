import { useEffect } from 'preact/hooks'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import {
  type DeliveryStatus,
  ReplayWebhookDocument,
  type ReplayWebhookInput,
} from '../graph/generated'
import { useWatch } from '../graph/watch'
import { navigate, withQuery } from '../location'
import { explain } from '../problems'
import { Button } from '../ui/button'
import { confirm } from '../ui/dialog'
import { SelectField } from '../ui/field'
import { absolute, Moment, relative } from '../ui/moment'
import { Pager } from '../ui/pager'
import { Notice } from '../ui/states'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { DeliveryState } from './state'
import type { SeenWebhook } from './webhook'

type Delivery = SeenWebhook['deliveries']['nodes'][number]
type Properties = {
  webhook: SeenWebhook
  /** The only outcome shown; null for all. */
  outcome: DeliveryStatus | null
  busy: boolean
  refresh: () => Promise<void>
}

/** What a webhook is told of, what became of it, and sending it again. */
export function Deliveries({ webhook, outcome, busy, refresh }: Properties) {
  const words = useWords()
  const labels = words.webhooks.deliveries
  const [sending, attempt] = useAttempt()
  const { nodes, pageInfo } = webhook.deliveries
  const failed = webhook.failed.totalCount
  const watch = useWatch(
    nodes.some(({ status }) => status === 'QUEUED'),
    refresh,
  )
  // What waits as the page opens is followed too.
  useEffect(watch, [])
  const reason = webhook.status === 'DISABLED' ? labels.enableFirst : null

  const replay = (input: Omit<ReplayWebhookInput, 'id'>) =>
    attempt(async () => {
      const { replayWebhook: payload } = await ask(ReplayWebhookDocument, {
        input: { id: webhook.id, ...input },
      })
      const [problem] = payload.userErrors
      if (problem) announce(explain(problem, words), 'problem')
      else announce(labels.queued(payload.queuedDeliveries))
      await refresh()
      watch()
    })
  const replayFailed = async () => {
    const { title, text, yes } = labels.confirmAgain
    if (!(await confirm({ title: title(failed), text, yes, no: words.cancel }))) return
    // None is older than the webhook.
    await replay({ failedSince: webhook.createdAt })
  }
  return (
    <section class="block" aria-labelledby="deliveries">
      <div class="deliveries-header">
        <div>
          <h2 id="deliveries">{labels.title}</h2>
          <p class="secondary">{labels.text}</p>
        </div>
        <div class="deliveries-tools">
          {failed > 0 && (
            <Button icon="refresh" busy={sending} reason={reason} onClick={replayFailed}>
              {labels.againFailed(failed)}
            </Button>
          )}
          <SelectField
            label={labels.outcome}
            name="outcome"
            hiddenLabel
            value={outcome ?? ''}
            onChange={(value) =>
              void navigate(withQuery({ outcome: value, after: null, before: null }))
            }
          >
            <option value="">{labels.anyOutcome}</option>
            <option value="SENT">{labels.status.SENT}</option>
            <option value="QUEUED">{labels.status.QUEUED}</option>
            <option value="FAILED">{labels.status.FAILED}</option>
          </SelectField>
        </div>
      </div>
      {nodes.length === 0 ? (
        <Notice icon="bolt" title={outcome ? labels.nothingFound : labels.empty.title}>
          {!outcome && <p>{labels.empty.text}</p>}
        </Notice>
      ) : (
        <>
          <ol class="events deliveries" aria-busy={busy}>
            {nodes.map((delivery) => (
              <DeliveryRow
                key={delivery.id}
                delivery={delivery}
                busy={sending}
                reason={reason}
                onAgain={() => replay({ deliveryIds: [delivery.id] })}
              />
            ))}
          </ol>
          <Pager page={pageInfo} label={labels.pages} />
        </>
      )}
    </section>
  )
}

type RowProperties = {
  delivery: Delivery
  busy: boolean
  reason: string | null
  onAgain: () => void
}

function DeliveryRow({ delivery, busy, reason, onAgain }: RowProperties) {
  const words = useWords()
  const labels = words.webhooks.deliveries
  const { status, attempts, responseStatus, detail, nextAttemptAt } = delivery
  const event = words.audit.actions[delivery.action] ?? delivery.action
  const next =
    nextAttemptAt && Date.parse(nextAttemptAt) > Date.now()
      ? `${labels.next} ${relative(nextAttemptAt)}`
      : labels.nextNow
  const facts = [
    attempts > 0 && labels.attempts(attempts),
    status === 'SENT' && responseStatus !== null && labels.answered(responseStatus),
    nextAttemptAt && next,
  ].filter(Boolean)
  return (
    <li class="event">
      <div class="event-when">
        <Moment at={delivery.createdAt} how="absolute" />
      </div>
      <div class="event-what">
        <p>
          <strong>{event}</strong>
          {delivery.event?.subjectName && (
            <span class="event-subject">{delivery.event.subjectName}</span>
          )}
        </p>
        <p>
          <DeliveryState status={status} />
          {facts.length > 0 && <span class="secondary">{facts.join(' · ')}</span>}
        </p>
        {detail && (status !== 'QUEUED' || attempts > 0) && (
          <p class="secondary">{words.webhooks.reason(detail)}</p>
        )}
        <p class="delivery-message secondary">
          {labels.message} <code>{delivery.messageId}</code>
        </p>
      </div>
      {status !== 'QUEUED' && (
        <Button
          busy={busy}
          reason={reason}
          label={labels.againOne(event, absolute(delivery.createdAt))}
          onClick={onAgain}
        >
          {labels.again}
        </Button>
      )}
    </li>
  )
}
