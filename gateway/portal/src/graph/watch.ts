import { useEffect, useRef, useState } from 'preact/hooks'

const PAUSES_MS = [2000, 4000, 8000, 15_000]

/** Once started, look again a few times for as long as something `waiting` is shown. */
export function useWatch(waiting: boolean, look: () => Promise<void>): () => void {
  const [checks, setChecks] = useState<number | null>(null)
  const latest = useRef(look)
  latest.current = look
  useEffect(() => {
    const pause = checks === null ? undefined : PAUSES_MS[checks]
    if (pause === undefined || checks === null || !waiting) return
    const timer = setTimeout(async () => {
      await latest.current()
      setChecks(checks + 1)
    }, pause)
    return () => clearTimeout(timer)
  }, [checks, waiting])
  return () => setChecks(0)
}
