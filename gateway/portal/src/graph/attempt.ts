import { useState } from 'preact/hooks'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { Failure } from './client'

type Attempt = (work: () => Promise<void>) => Promise<void>

/**
 * Whether a change is under way, and how to begin one.
 *
 * That it got no answer is said to the person, in general words unless `tell` does it otherwise.
 */
export function useAttempt(tell?: (failure: Failure) => void): [busy: boolean, attempt: Attempt] {
  const { failures } = useWords()
  const [busy, setBusy] = useState(false)
  const attempt = async (work: () => Promise<void>) => {
    setBusy(true)
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      if (tell) tell(error)
      else announce(failures[error.kind].text, 'problem')
    } finally {
      setBusy(false)
    }
  }
  return [busy, attempt]
}
