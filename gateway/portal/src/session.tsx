import type { ComponentChildren } from 'preact'
import { createContext } from 'preact'
import { useCallback, useContext, useEffect, useMemo, useState } from 'preact/hooks'
import { useAnswer } from './graph/answers'
import { ask, type Failure, onSignedOut } from './graph/client'
import {
  SignOutDocument,
  type SignOutScope,
  type SubscriptionPartsFragment,
  ViewerDocument,
  type ViewerQuery,
} from './graph/generated'
import { leave, usePlace } from './location'
import { recall, remember } from './preferences'

export type Viewer = NonNullable<ViewerQuery['viewer']>
export type Profile = Viewer['profiles'][number]
export type Organization = Profile['organization']

export type Session = {
  state: 'loading' | 'signed-out' | 'signed-in' | 'failed'
  /** Whether the page had been signed in before it was signed out. */
  ended: boolean
  viewer: Viewer | null
  failure: Failure | undefined
  /** The profile in the organization that the pages show. */
  profile: Profile | null
  reload: () => Promise<void>
}

const SessionContext = createContext<Session | null>(null)
const ORGANIZATION = 'organization'
/** Tells the browser's other tabs that they must show nothing any more. */
const tabs = 'BroadcastChannel' in window ? new BroadcastChannel('session') : null

export function SessionProvider({ children }: { children: ComponentChildren }) {
  const { query } = usePlace()
  const { data, failure, busy, reload } = useAnswer(ViewerDocument, {})
  const [ended, setEnded] = useState(false)

  useEffect(() => {
    const end = () => setEnded(true)
    tabs?.addEventListener('message', end)
    const stop = onSignedOut(end)
    return () => {
      tabs?.removeEventListener('message', end)
      stop()
    }
  }, [])

  const again = useCallback(async () => {
    setEnded(false)
    await reload()
  }, [reload])

  const viewer = ended ? null : (data?.viewer ?? null)
  const wanted = query.get(ORGANIZATION) ?? recall(ORGANIZATION)
  const profile =
    viewer?.profiles.find(({ organization }) => organization.id === wanted) ??
    viewer?.profiles[0] ??
    null
  const organizationId = profile?.organization.id
  useEffect(() => {
    if (organizationId) remember(ORGANIZATION, organizationId)
  }, [organizationId])

  const session = useMemo<Session>(() => {
    const state = viewer
      ? 'signed-in'
      : ended || data
        ? 'signed-out'
        : failure && !busy
          ? 'failed'
          : 'loading'
    return { state, ended, viewer, failure, profile, reload: again }
  }, [viewer, ended, data, failure, busy, profile, again])

  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>
}

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('useSession outside of SessionProvider')
  return session
}

/** Services whose roles the viewer may manage right now, as rules 3, 4, 11 and 14 say. */
export function manageable(organization: Organization): SubscriptionPartsFragment[] {
  return organization.subscriptions.filter(
    ({ viewerIsServiceAdministrator, status, availability }) =>
      viewerIsServiceAdministrator && status === 'ACTIVE' && availability.available,
  )
}

/** Whether this browser was signed in before: most likely it still is, so room is kept for that. */
export const wasSignedIn = (): boolean => recall(ORGANIZATION) !== null

export function isAdministrator(organization: Organization): boolean {
  return organization.subscriptions.some((one) => one.viewerIsServiceAdministrator)
}

const COMING_BACK = 'coming-back'

/**
 * End the session, then leave: to the identity provider to end its session too if it has one, else
 * to `then`. Where the provider sends the browser to `/`, `comeBack` goes on to `then`.
 */
export async function signOut(scope: SignOutScope, then = '/'): Promise<void> {
  const { signOut: payload } = await ask(SignOutDocument, { scope })
  tabs?.postMessage('signed-out')
  if (then !== '/' && payload.redirectUrl) sessionStorage.setItem(COMING_BACK, then)
  leave(payload.redirectUrl ?? then)
}

/** The place that `signOut` promised, once. */
export function comeBack(): string | null {
  const path = sessionStorage.getItem(COMING_BACK)
  sessionStorage.removeItem(COMING_BACK)
  return path
}
