import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ask, Failure } from './client'
import type { TypedDocumentString } from './generated'

export type Answer<Result> = {
  /** The newest answer; while another is on its way, the one before. */
  data: Result | undefined
  failure: Failure | undefined
  busy: boolean
  reload: () => Promise<void>
  /** Ask again without a sign of it, and keep what there is if that fails. */
  refresh: () => Promise<void>
}

/** Ask a query, and again whenever its variables change; `null` variables ask nothing yet. */
export function useAnswer<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables | null,
): Answer<Result> {
  const [state, setState] = useState<Omit<Answer<Result>, 'reload' | 'refresh'>>({
    data: undefined,
    failure: undefined,
    busy: true,
  })
  const key = variables === null ? null : JSON.stringify(variables)
  const running = useRef<AbortController | null>(null)

  const fetchNow = useCallback(async (): Promise<Failure | undefined> => {
    running.current?.abort()
    if (key === null) return undefined
    const controller = new AbortController()
    running.current = controller
    try {
      const data = await ask(document, JSON.parse(key) as Variables, controller.signal)
      if (!controller.signal.aborted) setState({ data, failure: undefined, busy: false })
      return undefined
    } catch (error) {
      if (controller.signal.aborted) return undefined
      if (!(error instanceof Failure)) throw error
      return error
    }
  }, [document, key])

  const load = useCallback(async () => {
    if (key !== null) setState((before) => ({ ...before, busy: true }))
    const failure = await fetchNow()
    if (failure) setState((before) => ({ ...before, failure, busy: false }))
  }, [fetchNow, key])

  const refresh = useCallback(async () => {
    const failure = await fetchNow()
    if (failure)
      setState((before) => ({
        ...before,
        failure: before.data ? before.failure : failure,
        busy: false,
      }))
  }, [fetchNow])

  useEffect(() => {
    void load()
    return () => running.current?.abort()
  }, [load])

  return { ...state, reload: load, refresh }
}
