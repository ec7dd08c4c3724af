import { useAnswer } from '../graph/answers'
import {
  type AuditAction,
  type AuditOutcome,
  AuditPageDocument,
  type AuditPageQuery,
} from '../graph/generated'
import { navigate, usePlace, withQuery } from '../location'
import type { Organization } from '../session'
import { Button } from '../ui/button'
import { SelectField } from '../ui/field'
import { Moment } from '../ui/moment'
import { Pager, pageArguments } from '../ui/pager'
import { FailureNotice, Notice, Skeleton } from '../ui/states'
import { useWords, type Words } from '../words'

const PAGE_SIZE = 50
type Event = NonNullable<AuditPageQuery['organization']>['auditEvents']['nodes'][number]

/** What happened in the organization, for its service administrators (rule 42). */
export function AuditPage({ organization }: { organization: Organization }) {
  const words = useWords()
  const labels = words.audit
  const { query } = usePlace()
  const actions = Object.keys(labels.actions) as AuditAction[]
  const action = actions.find((one) => one === query.get('action')) ?? ''
  const outcome =
    (['SUCCEEDED', 'DENIED'] as const).find((one) => one === query.get('outcome')) ?? ''
  const since = dayOf(query.get('since'))
  const until = dayOf(query.get('until'))
  const { data, failure, busy, reload } = useAnswer(AuditPageDocument, {
    organizationId: organization.id,
    filter: {
      actions: action ? [action] : null,
      outcome: outcome || null,
      since: since && startOfDay(since, 0),
      until: until && startOfDay(until, 1),
    },
    ...pageArguments(query, PAGE_SIZE),
  })
  const change = (changes: Record<string, string | null>) =>
    void navigate(withQuery({ ...changes, after: null, before: null }))
  const connection = data?.organization?.auditEvents
  const filtered = action || outcome || since || until
  return (
    <main class="page">
      <header class="page-header">
        <div>
          <h1 tabIndex={-1}>{words.titles.audit}</h1>
          <p class="subtitle">
            {organization.name}
            <span class="subtitle-count">
              {connection ? labels.count(connection.totalCount) : ''}
            </span>
          </p>
        </div>
      </header>
      <search class="filters audit-filters">
        <SelectField
          label={labels.action}
          name="action"
          value={action}
          onChange={(value) => change({ action: value })}
        >
          <option value="">{labels.anyAction}</option>
          {actions.map((one) => (
            <option key={one} value={one}>
              {labels.actions[one]}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={labels.outcome}
          name="outcome"
          value={outcome}
          onChange={(value: AuditOutcome | '') => change({ outcome: value })}
        >
          <option value="">{labels.anyOutcome}</option>
          <option value="SUCCEEDED">{labels.outcomes.SUCCEEDED}</option>
          <option value="DENIED">{labels.outcomes.DENIED}</option>
        </SelectField>
        <DayField
          label={labels.since}
          name="since"
          value={since}
          onChange={(value) => change({ since: value })}
        />
        <DayField
          label={labels.until}
          name="until"
          value={until}
          onChange={(value) => change({ until: value })}
        />
      </search>
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : !connection ? (
        <Skeleton rows={10} kind="row" />
      ) : connection.nodes.length === 0 ? (
        <Notice
          icon="clock"
          title={filtered ? labels.nothingFound : labels.empty}
          actions={
            filtered && (
              <Button
                onClick={() => change({ action: null, outcome: null, since: null, until: null })}
              >
                {words.users.nothingFound.clear}
              </Button>
            )
          }
        />
      ) : (
        <>
          <ol class="events" aria-busy={busy}>
            {connection.nodes.map((event) => (
              <EventRow key={event.id} event={event} />
            ))}
          </ol>
          <Pager page={connection.pageInfo} label={labels.pages} />
        </>
      )}
    </main>
  )
}

function EventRow({ event }: { event: Event }) {
  const words = useWords()
  const labels = words.audit
  const { actor } = event
  const denied = event.outcome === 'DENIED'
  // A program's name is that of the account, with its access token's first characters.
  const token = /\(access token (\S+)\)$/.exec(event.actorName)?.[1]
  const actorName = actor ? `${actor.firstName} ${actor.lastName}` : event.actorName
  return (
    <li class={denied ? 'event denied' : 'event'}>
      <div class="event-when">
        <Moment at={event.createdAt} how="absolute" />
      </div>
      <div class="event-what">
        <p>
          <strong>{actorName || labels.someone}</strong>{' '}
          {token && actor && <span class="secondary">{labels.byToken(token)} </span>}
          <span class="event-action">{labels.actions[event.action] ?? event.action}</span>
          {event.subjectName && event.subjectName !== actorName && (
            <span class="event-subject">{event.subjectName}</span>
          )}
          {event.service && <span class="secondary">{event.service.name}</span>}
          {denied && <span class="status bad">{labels.outcomes.DENIED}</span>}
        </p>
        {event.changes.length > 0 && (
          <ul class="changes">
            {event.changes.map((change) => (
              <li key={change.field}>
                <span class="secondary">
                  {denied
                    ? labels.askedFor(fieldName(change.field, words))
                    : fieldName(change.field, words)}
                </span>
                {change.before && <del>{change.before}</del>}
                {change.after && <ins>{change.after}</ins>}
              </li>
            ))}
          </ul>
        )}
      </div>
    </li>
  )
}

function fieldName(field: string, words: Words): string {
  return (words.audit.fields as Record<string, string>)[field] ?? field
}

type DayProperties = {
  label: string
  name: string
  value: string | null
  onChange: (value: string | null) => void
}

function DayField({ label, name, value, onChange }: DayProperties) {
  return (
    <div class="field">
      <label for={`field-${name}`}>{label}</label>
      <input
        id={`field-${name}`}
        type="date"
        value={value ?? ''}
        onChange={(event) => onChange(event.currentTarget.value || null)}
      />
    </div>
  )
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

function dayOf(text: string | null): string | null {
  return text && DAY.test(text) && !Number.isNaN(Date.parse(text)) ? text : null
}

/** Midnight in the reader's time zone, some days later. */
function startOfDay(day: string, later: number): string {
  const date = new Date(`${day}T00:00:00`)
  date.setDate(date.getDate() + later)
  return date.toISOString()
}
