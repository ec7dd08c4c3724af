// One WebSocket for what the pages follow, connected while they follow something.
import { createClient } from 'graphql-ws/client'
import { useEffect, useRef } from 'preact/hooks'
import { UsersChangedDocument } from './generated'

const KEEP_ALIVE_MS = 25_000
const LONGEST_PAUSE_MS = 30_000
const GATHER_MS = 150
/** What changed between the first reading and the stream's beginning is caught up with at leisure. */
const CATCH_UP_MS = 5000
/** Any text asks the gateway to say when the stream has begun, since something may be missing. */
const NOTHING_SEEN = 'none'

const client = createClient({
  url: new URL('/graphql', window.location.href.replace(/^http/, 'ws')).href,
  keepAlive: KEEP_ALIVE_MS,
  retryAttempts: Number.POSITIVE_INFINITY,
  // Less at first than the library's own, never more than half a minute, and not all at once.
  retryWait: (retries) => {
    const pause = Math.min(500 * 2 ** retries, LONGEST_PAUSE_MS)
    return new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)))
  },
  // Also when the network is away; the library itself stops at a session that has ended.
  shouldRetry: () => true,
})

/**
 * Call `onChange` after the organization's users have changed, or may have: when the stream begins,
 * after each interruption, and once for a burst of changes.
 */
export function useUserChanges(organizationId: string, onChange: () => void): void {
  const latest = useRef(onChange)
  latest.current = onChange
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let hasBegun = false
    const gather = () => {
      clearTimeout(timer)
      timer = setTimeout(() => latest.current(), hasBegun ? GATHER_MS : CATCH_UP_MS)
      hasBegun = true
    }
    const stop = client.subscribe(
      {
        query: UsersChangedDocument.toString(),
        variables: { organizationId },
        extensions: { lastEventId: NOTHING_SEEN },
      },
      // Asked once more, the gateway says why the stream has ended: signed out, most likely.
      { next: gather, error: gather, complete: () => {} },
    )
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [organizationId])
}
