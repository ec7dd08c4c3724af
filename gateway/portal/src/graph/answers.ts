import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ask, Failure } from './client'
import type { TypedDocumentString } from './generated'

export type Answer<Result> = {
  /** The newest answer; while another is on its way, the one before. */
  data: Result | undefined
  failure: Failure | undefined
  busy: boolean
  reload: () => Promise<void>
}

/** Ask a query, and again whenever its variables change; `null` variables ask nothing yet. */
export function useAnswer<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables | null,
): Answer<Result> {
  const [state, setState] = useState<Omit<Answer<Result>, 'reload'>>({
    data: undefined,
    failure: undefined,
    busy: true,
  })
  const key = variables === null ? null : JSON.stringify(variables)
  const running = useRef<AbortController | null>(null)

  const load = useCallback(async () => {
    running.current?.abort()
    if (key === null) return
    const controller = new AbortController()
    running.current = controller
    setState((before) => ({ ...before, busy: true }))
    try {
      const data = await ask(document, JSON.parse(key) as Variables, controller.signal)
      if (!controller.signal.aborted) setState({ data, failure: undefined, busy: false })
    } catch (error) {
      if (controller.signal.aborted) return
      if (!(error instanceof Failure)) throw error
      setState((before) => ({ ...before, failure: error, busy: false }))
    }
  }, [document, key])

  useEffect(() => {
    void load()
    return () => running.current?.abort()
  }, [load])

  return { ...state, reload: load }
}
