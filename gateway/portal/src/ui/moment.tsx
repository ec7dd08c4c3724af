import { currentLanguage, useLanguage } from '../preferences'

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

/** For example "3 days ago" or "in 2 hours". */
export function relative(at: string, now = Date.now()): string {
  const seconds = (Date.parse(at) - now) / 1000
  const format = new Intl.RelativeTimeFormat(currentLanguage(), { numeric: 'auto' })
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit)
  }
  return format.format(0, 'second')
}

/** In the reader's own time zone, named where the time of day matters. */
export function absolute(at: string, zone = false): string {
  return new Intl.DateTimeFormat(currentLanguage(), {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    ...(zone ? { timeZoneName: 'short' } : {}),
  }).format(new Date(at))
}

export function Moment({ at, how = 'relative' }: { at: string; how?: 'relative' | 'absolute' }) {
  useLanguage()
  return (
    <time dateTime={at} title={absolute(at, true)}>
      {how === 'relative' ? relative(at) : absolute(at)}
    </time>
  )
}
