import type { ComponentChildren } from 'preact'
import { useEffect, useId, useState } from 'preact/hooks'
import { useAttempt } from './graph/attempt'
import { addressOf, navigate, signInAddress, usePlace } from './location'
import {
  chooseLanguage,
  chooseTheme,
  type Language,
  type Theme,
  useLanguage,
  useTheme,
} from './preferences'
import { isAdministrator, signOut, useSession, wasSignedIn } from './session'
import { Button } from './ui/button'
import { Icon, Mark } from './ui/icon'
import { announce } from './ui/toasts'
import { useWords } from './words'

/** What surrounds every page: organization, navigation, preferences, Sign out. */
export function Shell({ children }: { children: ComponentChildren }) {
  const words = useWords()
  const { state } = useSession()
  return (
    <>
      <a class="skip" href="#content">
        {words.shell.skip}
      </a>
      <header class={state === 'loading' ? 'top loading' : 'top'}>
        <a class="brand" href="/" aria-label={words.product}>
          <Mark />
          <span class="brand-name">{words.product}</span>
        </a>
        {state === 'signed-in' && <OrganizationSwitch />}
        {state === 'signed-in' && <Navigation />}
        {state === 'loading' && wasSignedIn() && <div class="navigation" />}
        <div class="top-end">
          {state === 'signed-in' && <Account />}
          <Preferences />
          {state === 'signed-in' && <SignOutButton />}
          {state === 'signed-out' && (
            <a class="button primary" href={signInAddress()}>
              {words.signIn}
            </a>
          )}
        </div>
      </header>
      <OfflineBanner />
      <div id="content" class="content" tabIndex={-1}>
        {children}
      </div>
    </>
  )
}

function OrganizationSwitch() {
  const words = useWords()
  const { viewer, profile } = useSession()
  const { path } = usePlace()
  if (!viewer || !profile) return null
  if (viewer.profiles.length === 1) {
    return <span class="organization">{profile.organization.name}</span>
  }
  const target = path.startsWith('/invitations/') ? '/checklist' : path
  return (
    <span class="select organization">
      <label class="visually-hidden" for="organization">
        {words.shell.organization}
      </label>
      <select
        id="organization"
        value={profile.organization.id}
        onChange={(event) => {
          const select = event.currentTarget
          const to = addressOf(target, { organization: select.value })
          void navigate(to).then(() => {
            select.value =
              new URLSearchParams(location.search).get('organization') ?? profile.organization.id
          })
        }}
      >
        {viewer.profiles.map(({ organization }) => (
          <option key={organization.id} value={organization.id}>
            {organization.name}
          </option>
        ))}
      </select>
      <Icon name="next" />
    </span>
  )
}

function Navigation() {
  const words = useWords()
  const { path } = usePlace()
  const { viewer, profile } = useSession()
  if (!profile) return null
  const several = (viewer?.profiles.length ?? 0) > 1
  const query = { organization: several ? profile.organization.id : null }
  const entries = [
    { path: '/checklist', icon: 'list', label: words.shell.links.checklist },
    { path: '/users', icon: 'people', label: words.shell.links.users },
    ...(isAdministrator(profile.organization)
      ? ([
          { path: '/audit', icon: 'clock', label: words.shell.links.audit },
          { path: '/webhooks', icon: 'bolt', label: words.shell.links.webhooks },
        ] as const)
      : []),
  ] as const
  return (
    <nav class="navigation" aria-label={words.shell.navigation}>
      {entries.map((entry) => (
        <a
          key={entry.path}
          href={addressOf(entry.path, query)}
          aria-current={path === entry.path ? 'page' : undefined}
        >
          <Icon name={entry.icon} />
          <span>{entry.label}</span>
        </a>
      ))}
    </nav>
  )
}

function Account() {
  const words = useWords()
  const { viewer, profile } = useSession()
  const { path } = usePlace()
  if (!viewer) return null
  const name = profile
    ? `${profile.firstName} ${profile.lastName}`
    : (viewer.displayName ?? viewer.microsoftAccount)
  return (
    <a
      class="account"
      href="/me"
      aria-current={path === '/me' ? 'page' : undefined}
      title={viewer.microsoftAccount}
      aria-label={`${words.titles.me}: ${name}`}
    >
      <Icon name="person" />
      <span>{name}</span>
    </a>
  )
}

function SignOutButton() {
  const words = useWords()
  const [busy, attempt] = useAttempt(() => announce(words.failures.signOut, 'problem'))
  return (
    <Button
      icon="door"
      kind="plain"
      busy={busy}
      label={words.signOut}
      class="sign-out"
      onClick={() => attempt(() => signOut('THIS_SESSION'))}
    >
      {words.signOut}
    </Button>
  )
}

function Preferences() {
  const words = useWords().shell
  const language = useLanguage()
  const theme = useTheme()
  const id = useId()
  const languages: [Language, string][] = [
    ['en', 'English'],
    ['de', 'Deutsch'],
  ]
  const themes: [Theme, string][] = [
    ['system', words.themes.system],
    ['light', words.themes.light],
    ['dark', words.themes.dark],
  ]
  return (
    <>
      <button
        type="button"
        class="button quiet icon-only"
        popovertarget="preferences"
        aria-label={words.preferences}
        title={words.preferences}
      >
        <Icon name="sliders" />
      </button>
      <div id="preferences" class="preferences" popover="auto">
        <Choice
          legend={words.language}
          name={`${id}-language`}
          options={languages}
          value={language}
          onChoose={chooseLanguage}
        />
        <Choice
          legend={words.theme}
          name={`${id}-theme`}
          options={themes}
          value={theme}
          onChoose={chooseTheme}
        />
      </div>
    </>
  )
}

type ChoiceProperties<Value extends string> = {
  legend: string
  name: string
  options: [Value, string][]
  value: Value
  onChoose: (value: Value) => void
}

function Choice<Value extends string>(properties: ChoiceProperties<Value>) {
  const { legend, name, options, value, onChoose } = properties
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div class="segments">
        {options.map(([option, label]) => (
          <label key={option} lang={name.endsWith('language') ? option : undefined}>
            <input
              type="radio"
              name={name}
              checked={option === value}
              onChange={() => onChoose(option)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function OfflineBanner() {
  const words = useWords()
  const [offline, setOffline] = useState(!navigator.onLine)
  useEffect(() => {
    const update = () => setOffline(!navigator.onLine)
    window.addEventListener('online', update)
    window.addEventListener('offline', update)
    return () => {
      window.removeEventListener('online', update)
      window.removeEventListener('offline', update)
    }
  }, [])
  return (
    <div role="status" class="offline-place">
      {offline && (
        <p class="offline">
          <Icon name="cloudOff" />
          {words.shell.offline}
        </p>
      )}
    </div>
  )
}
