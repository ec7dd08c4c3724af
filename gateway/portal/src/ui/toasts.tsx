import { useEffect } from 'preact/hooks'
import { createStore, useStore } from '../store'
import { useWords } from '../words'
import { Icon } from './icon'

/** A whisper is for screen readers alone: others see what it says. */
type Tone = 'success' | 'information' | 'problem' | 'whisper'
type Toast = { id: number; text: string; tone: Tone }

const toasts = createStore<Toast[]>([])
let lastId = 0
const SHOWN_MS = 6000

/** Show a short message, and read it to those who use a screen reader. Problems stay until closed. */
export function announce(text: string, tone: Tone = 'success'): void {
  lastId += 1
  const others = toasts.get().filter((toast) => toast.text !== text)
  toasts.set([...others.slice(-2), { id: lastId, text, tone }])
}

function close(id: number): void {
  toasts.set(toasts.get().filter((toast) => toast.id !== id))
}

export function Toasts() {
  const shown = useStore(toasts)
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <Message key={toast.id} toast={toast} />
      ))}
    </div>
  )
}

function Message({ toast }: { toast: Toast }) {
  const words = useWords()
  useEffect(() => {
    if (toast.tone === 'problem') return
    const timer = setTimeout(() => close(toast.id), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [toast])
  if (toast.tone === 'whisper') return <p class="visually-hidden">{toast.text}</p>
  const icon = { success: 'check', information: 'information', problem: 'warning' } as const
  return (
    <div class={`toast ${toast.tone}`}>
      <Icon name={icon[toast.tone]} />
      <p>{toast.text}</p>
      <button type="button" class="close" aria-label={words.close} onClick={() => close(toast.id)}>
        <Icon name="cross" />
      </button>
    </div>
  )
}
