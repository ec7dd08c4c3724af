import { createStore } from '../store'

/** The user who was saved last, marked in the list until the next visit. */
export const lastSaved = createStore<string | null>(null)

export function noteSaved(id: string): void {
  lastSaved.set(id)
}
