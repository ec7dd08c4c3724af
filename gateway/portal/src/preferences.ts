import { createStore, useStore } from './store'

export type Theme = 'system' | 'light' | 'dark'
export type Language = 'en' | 'de'

/** Storage may be forbidden; the choice then lasts as long as the page. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Nothing to do: remembering is a courtesy.
  }
}

export const recall = read

function initialLanguage(): Language {
  const wanted = [read('language'), ...navigator.languages]
  for (const tag of wanted) {
    const code = tag?.slice(0, 2).toLowerCase()
    if (code === 'de' || code === 'en') return code
  }
  return 'en'
}

function initialTheme(): Theme {
  const stored = read('theme')
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

const language = createStore<Language>(initialLanguage())
const theme = createStore<Theme>(initialTheme())

export const useLanguage = (): Language => useStore(language)
export const useTheme = (): Theme => useStore(theme)
export const currentLanguage = (): Language => language.get()

export function chooseLanguage(value: Language): void {
  remember('language', value)
  language.set(value)
  applyPreferences()
}

export function chooseTheme(value: Theme): void {
  remember('theme', value)
  theme.set(value)
  applyPreferences()
}

export function applyPreferences(): void {
  document.documentElement.lang = language.get()
  document.documentElement.dataset.theme = theme.get()
}
