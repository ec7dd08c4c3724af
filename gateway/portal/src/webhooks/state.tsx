import { useAnswer } from '../graph/answers'
import {
  type AuditAction,
  type DeliveryPartsFragment,
  type DeliveryStatus,
  WebhookDisablingsDocument,
  type WebhookPartsFragment,
} from '../graph/generated'
import { Moment } from '../ui/moment'
import { useWords, type Words } from '../words'

/** Who disabled a webhook, null for the gateway itself, and when. */
export type Disabling = { by: string | null; at: string }

/**
 * Who disabled webhooks, by the webhooks' ids, as the audit trail has it. Nothing is asked while
 * none is disabled; of long ago it may be missing.
 */
export function useDisablings(
  organizationId: string,
  webhooks: WebhookPartsFragment[] | undefined,
): ReadonlyMap<string, Disabling> {
  const needed = webhooks?.some(({ status }) => status === 'DISABLED')
  const { data } = useAnswer(WebhookDisablingsDocument, needed ? { organizationId } : null)
  const found = new Map<string, Disabling>()
  for (const event of data?.organization?.auditEvents.nodes ?? []) {
    const disables = event.changes.some(
      ({ field, after }) => field === 'status' && after === 'DISABLED',
    )
    // The newest comes first.
    if (!disables || !event.subject || found.has(event.subject.id)) continue
    const name = event.actor ? `${event.actor.firstName} ${event.actor.lastName}` : event.actorName
    const by = event.action === 'WEBHOOK_DISABLED' ? null : name
    found.set(event.subject.id, { by, at: event.createdAt })
  }
  return found
}

type StateProperties = { webhook: WebhookPartsFragment; disabling: Disabling | undefined }

/** Whether a webhook is told what happens; if not, or if its receiver fails, why and since when. */
export function WebhookState({ webhook, disabling }: StateProperties) {
  const labels = useWords().webhooks
  const { status, failingSince, detail } = webhook
  const disabled = status === 'DISABLED'
  const tone = disabled ? 'idle' : failingSince ? 'bad' : 'good'
  // Who disabled it says more than that someone did.
  const reason = disabled && disabling?.by ? null : detail
  return (
    <div class="webhook-state">
      <span class={`status ${tone}`}>
        {!disabled && failingSince ? labels.status.failing : labels.status[status]}
      </span>
      {disabled && disabling && (
        <span class="secondary">
          {disabling.by ? labels.by(disabling.by) : labels.byGateway} <Moment at={disabling.at} />
        </span>
      )}
      {!disabled && failingSince && (
        <span class="secondary">
          {labels.since} <Moment at={failingSince} how="absolute" />
        </span>
      )}
      {reason && <p class="secondary">{labels.reason(reason)}</p>}
    </div>
  )
}

const TONES = { QUEUED: 'waiting', SENT: 'good', FAILED: 'bad' } as const

export function DeliveryState({ status }: { status: DeliveryStatus }) {
  const labels = useWords().webhooks.deliveries
  return <span class={`status ${TONES[status]}`}>{labels.status[status]}</span>
}

/** When something last happened to a delivery. */
export const lastMoment = (delivery: DeliveryPartsFragment): string =>
  delivery.lastAttemptAt ?? delivery.createdAt

/** Of which events a webhook is told, in people's words. */
export function eventsOf(actions: readonly AuditAction[], words: Words): string {
  if (actions.length === 0) return words.webhooks.allEvents
  return actions.map((action) => words.audit.actions[action] ?? action).join(', ')
}

/** The host of an address, which tells webhooks apart at a glance. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url
}
