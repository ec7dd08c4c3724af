import { useState } from 'preact/hooks'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { Failure } from './client'

type Attempt = (work: () => Promise<void>) => Promise<void>

/** Whether a change is under way, and how to begin one: that it got no answer is said. */
export function useAttempt(): [busy: boolean, attempt: Attempt] {
  const { failures } = useWords()
  const [busy, setBusy] = useState(false)
  const attempt = async (work: () => Promise<void>) => {
    setBusy(true)
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      announce(failures[error.kind].text, 'problem')
    } finally {
      setBusy(false)
    }
  }
  return [busy, attempt]
}
