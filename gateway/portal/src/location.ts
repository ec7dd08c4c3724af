// Where the reader is: the address bar is the only place that knows, so that reloading, sharing and
// going back always work.
import { createStore, useStore } from './store'

export type Place = { path: string; query: URLSearchParams }

const here = (): Place => ({
  path: window.location.pathname,
  query: new URLSearchParams(window.location.search),
})

const place = createStore<Place>(here())
export const usePlace = (): Place => useStore(place)

/** Asks whether the page may be left; set while there are unsaved changes. */
type Guard = () => Promise<boolean>
let guard: Guard | null = null
let index: number = history.state?.index ?? 0
let ignorePops = 0

/** Ask `mayLeave` before the page is left, and let the browser ask when the tab is closed. */
export function guardLeaving(mayLeave: Guard): () => void {
  const beforeUnload = (event: BeforeUnloadEvent) => event.preventDefault()
  guard = mayLeave
  window.addEventListener('beforeunload', beforeUnload)
  return () => {
    if (guard === mayLeave) guard = null
    window.removeEventListener('beforeunload', beforeUnload)
  }
}

/** Go to a path of this origin, unless a guard says to stay. */
export async function navigate(href: string, how: 'push' | 'replace' = 'push'): Promise<void> {
  if (guard && how === 'push') {
    if (!(await guard())) return
    guard = null
  }
  if (how === 'push') {
    index += 1
    history.pushState({ index }, '', href)
  } else history.replaceState({ index }, '', href)
  const before = pageAt(place.get())
  place.set(here())
  if (pageAt(place.get()) !== before) window.scrollTo(0, 0)
}

/** What is a page of its own; the query's other parameters only vary one. */
const pageAt = ({ path, query }: Place): string =>
  [path, query.get('new'), query.get('edit'), query.get('webhook')].join('|')

/** The present path with some of the query's parameters changed; null and '' remove one. */
export function withQuery(changes: Record<string, string | null>): string {
  const { path, query } = place.get()
  return addressOf(path, { ...Object.fromEntries(query), ...changes })
}

/** A path with a query; null and '' leave a parameter out. */
export function addressOf(path: string, query: Record<string, string | null>): string {
  const kept = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1])
  const text = new URLSearchParams(kept).toString()
  return text ? `${path}?${text}` : path
}

/** Take the focus, and so a screen reader, to the top of what has just been shown. */
export function focusHeading(): void {
  heading()?.focus({ preventScroll: true })
}

/** Back on a page, go on where it was left, unless the reader has moved on from its heading. */
export function focusAgain(id: string): void {
  const element = document.getElementById(id)
  if (!element || document.activeElement !== heading()) return
  element.scrollIntoView({ block: 'center' })
  element.focus({ preventScroll: true })
}

const heading = () => document.querySelector<HTMLElement>('main h1')

/** Leave the application altogether, without being asked about unsaved changes. */
export function leave(href: string): void {
  guard = null
  window.location.assign(href)
}

/** Where to sign in so as to come back to this place. */
export function signInAddress(
  returnTo = window.location.pathname + window.location.search,
): string {
  return `/auth/sign-in?${new URLSearchParams({ return_to: returnTo })}`
}

export function followLinksAndHistory(): void {
  history.replaceState({ ...history.state, index }, '')
  window.addEventListener('popstate', async (event) => {
    if (ignorePops > 0) {
      ignorePops -= 1
      return
    }
    // A link within the page, such as the one that skips to the content, has no state.
    const target: number = event.state?.index ?? index
    const distance = target - index
    if (guard && distance !== 0) {
      ignorePops += 1
      history.go(-distance)
      if (!(await guard())) return
      guard = null
      history.go(distance)
      return
    }
    index = target
    place.set(here())
  })
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null
    if (!(link instanceof HTMLAnchorElement) || link.target || link.origin !== location.origin)
      return
    if (!PORTAL_PATHS.test(link.pathname) || link.hash) return
    event.preventDefault()
    void navigate(link.pathname + link.search)
  })
}

/** The paths that this application shows; every other one belongs to the gateway. */
const PORTAL_PATHS = /^\/(users|checklist|me|audit|webhooks|invitations\/[^/]+)?$/
