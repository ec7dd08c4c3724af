import { useState } from 'preact/hooks'
import { useAnswer } from '../graph/answers'
import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import {
  CatalogueDocument,
  type ProductRelease,
  SignUpForServiceDocument,
} from '../graph/generated'
import { addressOf, navigate } from '../location'
import { useLanguage } from '../preferences'
import { explain, type Problem } from '../problems'
import { type Organization, useSession } from '../session'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { GeneralProblems, SelectField, TextField } from '../ui/field'
import { announce } from '../ui/toasts'
import { COUNTRIES, useWords } from '../words'
import type { CatalogueService } from './more-services'

type Properties = {
  /** The service to sign up for, or null to choose one. */
  service: CatalogueService | null
  /** The organization that signs up, or null to describe a new one. */
  organization: Organization | null
  onClose: () => void
  onDone: () => Promise<void>
}

const RELEASES = ['AX_2012', 'AX_2012_FEATURE_PACK', 'AX_2012_R2', 'AX_2012_R3'] as const

/** Sign up for a service with the present organization or a new one (rules 7 and 8). */
export function SignUpDialog({ service: given, organization, onClose, onDone }: Properties) {
  const words = useWords()
  const labels = words.signUp
  const language = useLanguage()
  const { profile, viewer, reload } = useSession()
  // A provider that knows no name may give the address in its place.
  const known = viewer?.displayName?.includes('@') ? '' : (viewer?.displayName ?? '')
  const catalogue = useAnswer(CatalogueDocument, given ? null : {})
  const services = given ? [given] : (catalogue.data?.services ?? [])
  const [serviceId, setServiceId] = useState(given?.id ?? '')
  const [isNew, setNew] = useState(organization === null)
  const [draft, setDraft] = useState({
    name: '',
    countryOrRegion: 'US',
    productRelease: 'AX_2012_R2' as ProductRelease,
    firstName: profile?.firstName ?? known.split(' ')[0] ?? '',
    lastName: profile?.lastName ?? known.split(' ').slice(1).join(' '),
    primaryEmailAddress: viewer?.microsoftAccount ?? '',
  })
  const [problems, setProblems] = useState<Problem[]>([])
  const [busy, attempt] = useAttempt()
  const set = (changes: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...changes }))
  const at = (field: string) =>
    problems
      .filter(({ path }) => path[path.length - 1] === field)
      .map((problem) => explain(problem, words))
  const fields = [...(given ? [] : ['serviceId']), ...(isNew ? Object.keys(draft) : [])]
  const general = problems.filter(({ path }) => !fields.includes(path[path.length - 1] ?? ''))
  const chosen = services.find(({ id }) => id === serviceId) ?? services[0]

  const submit = async (event: Event) => {
    event.preventDefault()
    if (busy || !chosen) return
    await attempt(async () => {
      const { signUpForService } = await ask(SignUpForServiceDocument, {
        input: {
          serviceId: chosen.id,
          organizationId: isNew ? null : organization?.id,
          newOrganization: isNew ? draft : null,
        },
      })
      setProblems(signUpForService.userErrors)
      const { subscription } = signUpForService
      if (!subscription) return
      announce(labels.done(subscription.service.name, subscription.organization.name))
      if (isNew) {
        await reload()
        onClose()
        await navigate(addressOf('/checklist', { organization: subscription.organization.id }))
      } else await onDone()
    })
  }
  const names = new Intl.DisplayNames(language, { type: 'region' })
  const countries = COUNTRIES.map((code) => [code, names.of(code) ?? code] as const).sort(
    ([, one], [, other]) => one.localeCompare(other, language),
  )
  return (
    <Dialog
      wide={isNew}
      title={given ? labels.title(given.name) : labels.titleNew}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button kind="primary" type="submit" form="sign-up" busy={busy}>
            {labels.submit}
          </Button>
        </>
      }
    >
      <form id="sign-up" noValidate onSubmit={submit}>
        <p>{labels.consequence}</p>
        <GeneralProblems problems={general} />
        {!given && (
          <SelectField
            label={labels.service}
            name="serviceId"
            value={chosen?.id ?? ''}
            onChange={setServiceId}
            problems={at('serviceId')}
          >
            {services.map((service) => (
              <option key={service.id} value={service.id}>
                {service.name}
              </option>
            ))}
          </SelectField>
        )}
        {organization && (
          <fieldset class="options">
            <legend>{labels.forWhom}</legend>
            <label>
              <input type="radio" name="for" checked={!isNew} onChange={() => setNew(false)} />
              <span>{organization.name}</span>
            </label>
            <label>
              <input type="radio" name="for" checked={isNew} onChange={() => setNew(true)} />
              <span>{labels.newOrganization}</span>
            </label>
          </fieldset>
        )}
        {isNew && (
          <div class="form-fields two">
            <TextField
              label={labels.name}
              name="name"
              autocomplete="organization"
              value={draft.name}
              onInput={(name) => set({ name })}
              problems={at('name')}
            />
            <SelectField
              label={labels.release}
              name="productRelease"
              value={draft.productRelease}
              onChange={(productRelease) => set({ productRelease })}
              problems={at('productRelease')}
            >
              {RELEASES.map((release) => (
                <option key={release} value={release}>
                  {words.releases[release]}
                </option>
              ))}
            </SelectField>
            <SelectField
              label={labels.country}
              name="countryOrRegion"
              value={draft.countryOrRegion}
              onChange={(countryOrRegion) => set({ countryOrRegion })}
              problems={at('countryOrRegion')}
              hint={labels.countryHint}
            >
              {countries.map(([code, name]) => (
                <option key={code} value={code}>
                  {name}
                </option>
              ))}
            </SelectField>
            <TextField
              label={words.users.form.primaryEmailAddress}
              name="primaryEmailAddress"
              type="email"
              autocomplete="email"
              value={draft.primaryEmailAddress}
              onInput={(primaryEmailAddress) => set({ primaryEmailAddress })}
              problems={at('primaryEmailAddress')}
            />
            <TextField
              label={words.users.form.firstName}
              name="firstName"
              autocomplete="given-name"
              value={draft.firstName}
              onInput={(firstName) => set({ firstName })}
              problems={at('firstName')}
            />
            <TextField
              label={words.users.form.lastName}
              name="lastName"
              autocomplete="family-name"
              value={draft.lastName}
              onInput={(lastName) => set({ lastName })}
              problems={at('lastName')}
            />
          </div>
        )}
      </form>
    </Dialog>
  )
}
