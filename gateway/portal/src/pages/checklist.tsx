import { useAnswer } from '../graph/answers'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import {
  ActivateSubscriptionDocument,
  CatalogueDocument,
  ChecklistDocument,
  type ChecklistQuery,
  DeactivateSubscriptionDocument,
} from '../graph/generated'
import { addressOf } from '../location'
import { explain } from '../problems'
import { type Organization, useSession } from '../session'
import { Button } from '../ui/button'
import { confirm } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { FailureNotice, Skeleton } from '../ui/states'
import { announce } from '../ui/toasts'
import { useWords, type Words } from '../words'
import { MoreServices } from './more-services'

type Shown = NonNullable<ChecklistQuery['organization']>
type Subscription = Shown['subscriptions'][number]

/** The organization's services and the steps of each; signing up for another starts here too. */
export function ChecklistPage({ organization }: { organization: Organization | null }) {
  return organization ? <OrganizationChecklist organization={organization} /> : <FirstSignUp />
}

function OrganizationChecklist({ organization }: { organization: Organization }) {
  const words = useWords()
  const labels = words.checklist
  const { reload: reloadSession } = useSession()
  const { data, failure, reload } = useAnswer(ChecklistDocument, {
    organizationId: organization.id,
  })
  const reloadAll = async () => {
    await Promise.all([reload(), reloadSession()])
  }
  const shown = data?.organization
  const signedUp = new Set(shown?.subscriptions.map(({ service }) => service.id))
  const others = data?.services.filter(({ id }) => !signedUp.has(id)) ?? []
  return (
    <main class="page">
      <header class="page-header">
        <div>
          <h1 tabIndex={-1}>{labels.title}</h1>
          <p class="subtitle">
            {organization.name}
            <span class="subtitle-count">
              {words.installed(organization.productRelease)} ·{' '}
              {words.country(organization.countryOrRegion)}
            </span>
          </p>
        </div>
      </header>
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : !shown ? (
        <Skeleton rows={2} kind="card" />
      ) : (
        <>
          <div class="cards">
            {shown.subscriptions.map((subscription) => (
              <SubscriptionCard
                key={subscription.id}
                subscription={subscription}
                organizationId={organization.id}
                reload={reloadAll}
              />
            ))}
          </div>
          <MoreServices
            services={others}
            organization={organization}
            reload={reloadAll}
            title={labels.more}
          />
        </>
      )}
    </main>
  )
}

type CardProperties = {
  subscription: Subscription
  organizationId: string
  reload: () => Promise<void>
}

function SubscriptionCard({ subscription, organizationId, reload }: CardProperties) {
  const words = useWords()
  const labels = words.checklist
  const { service, status, availability, serviceAdministrators } = subscription
  const active = status === 'ACTIVE'
  const steps = subscription.configurationChecklist
  const done = steps.filter(({ complete }) => complete).length
  return (
    <section class="card subscription" aria-labelledby={`service-${service.id}`}>
      <header class="card-header">
        <div>
          <h2 id={`service-${service.id}`}>{service.name}</h2>
          <p class="secondary">{service.description}</p>
        </div>
        <span
          class={`status ${active && availability.available ? 'good' : active ? 'bad' : 'idle'}`}
        >
          {active && !availability.available
            ? labels.notAvailable
            : active
              ? labels.active
              : labels.deactivated}
        </span>
      </header>
      {availability.reason !== null && (
        <div class="banner">
          <Icon name="information" />
          <p>{words.availability(availability.reason)}</p>
        </div>
      )}
      {steps.length > 0 && (
        <>
          <p class="steps-count secondary">{labels.progress(done, steps.length)}</p>
          <ol class="steps">
            {steps.map((step) => (
              <Step
                key={step.code}
                step={step}
                subscription={subscription}
                organizationId={organizationId}
              />
            ))}
          </ol>
        </>
      )}
      {/* A service always has an administrator; members aren't told whom (rule 3). */}
      {serviceAdministrators.length > 0 && (
        <footer class="card-footer">
          <p class="secondary">
            {labels.administrators}{' '}
            {serviceAdministrators
              .map(({ firstName, lastName }) => `${firstName} ${lastName}`)
              .join(', ')}
          </p>
          {subscription.viewerIsServiceAdministrator && (
            <ActivationButton subscription={subscription} reload={reload} />
          )}
        </footer>
      )}
    </section>
  )
}

type Item = Subscription['configurationChecklist'][number]
type StepProperties = {
  step: Item
  subscription: Subscription
  organizationId: string
}

function Step({ step, subscription, organizationId }: StepProperties) {
  const labels = useWords().checklist
  const label = (labels.steps as Record<string, string>)[step.code] ?? step.label
  return (
    <li class={step.complete ? 'step complete' : 'step'}>
      <span class="step-mark">{step.complete && <Icon name="check" />}</span>
      {step.href && step.available && step.href !== '/checklist' ? (
        <a href={addressOf(step.href, { organization: organizationId })}>{label}</a>
      ) : (
        <span class={step.available || step.complete ? undefined : 'step-closed'}>{label}</span>
      )}
      <span class="step-state secondary">{stateOf(step, subscription, labels)}</span>
    </li>
  )
}

/** Done, to do, or why it can't be done; that the service is not available, the card says. */
function stateOf(step: Item, subscription: Subscription, labels: Words['checklist']): string {
  if (step.complete) return labels.complete
  if (step.available) return labels.open
  if (!subscription.availability.available) return labels.unavailable
  return subscription.viewerIsServiceAdministrator
    ? labels.activateFirst
    : labels.onlyAdministrators
}

type ActivationProperties = { subscription: Subscription; reload: () => Promise<void> }

function ActivationButton({ subscription, reload }: ActivationProperties) {
  const words = useWords()
  const labels = words.checklist
  const [busy, attempt] = useAttempt()
  const { id, service, status } = subscription
  const active = status === 'ACTIVE'
  const change = async () => {
    if (active) {
      const { title, text, yes } = labels.deactivation
      const question = { title: title(service.name), text, yes, no: words.cancel, danger: true }
      if (!(await confirm(question))) return
    }
    await attempt(async () => {
      const { userErrors } = active
        ? (await ask(DeactivateSubscriptionDocument, { id })).deactivateSubscription
        : (await ask(ActivateSubscriptionDocument, { id })).activateSubscription
      const [problem] = userErrors
      if (problem) announce(explain(problem, words), 'problem')
      else announce(active ? labels.nowDeactivated(service.name) : labels.nowActive(service.name))
      await reload()
    })
  }
  return (
    <Button
      busy={busy}
      label={`${active ? labels.deactivate : labels.activate}: ${service.name}`}
      onClick={change}
    >
      {active ? labels.deactivate : labels.activate}
    </Button>
  )
}

/** For someone who belongs to no organization yet. */
function FirstSignUp() {
  const words = useWords()
  const { data, failure, reload } = useAnswer(CatalogueDocument, {})
  const { viewer } = useSession()
  return (
    <main class="page">
      <header class="page-header">
        <div>
          <h1 tabIndex={-1}>{words.checklist.welcome}</h1>
          <p class="subtitle">{words.checklist.welcomeText(viewer?.microsoftAccount ?? '')}</p>
        </div>
      </header>
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : data ? (
        <MoreServices
          services={data.services}
          organization={null}
          reload={reload}
          title={words.checklist.first}
        />
      ) : (
        <Skeleton rows={3} kind="row" />
      )}
    </main>
  )
}
