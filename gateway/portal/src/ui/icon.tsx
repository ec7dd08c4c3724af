/** Drawn for a grid of 20 with a stroke of 1.6. */
const PATHS = {
  plus: 'M10 4v12M4 10h12',
  pencil: 'm4 16 .8-3.6L13 4.2a1.6 1.6 0 0 1 2.3 0l.5.5a1.6 1.6 0 0 1 0 2.3l-8.2 8.2z',
  envelope: 'M3.5 5.5h13v9h-13zM3.8 6l6.2 5 6.2-5',
  bin: 'M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5M11.5 9v4.5',
  door: 'M11.5 4H5v12h6.5M9 10h8M14 7l3 3-3 3',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13.2 13.2 17 17',
  check: 'm4.5 10.5 3.5 3.5 7.5-8',
  cross: 'm5 5 10 10M15 5 5 15',
  next: 'm8 5 5 5-5 5',
  previous: 'm12 5-5 5 5 5',
  nextAll: 'm5 5 5 5-5 5M10.5 5l5 5-5 5',
  previousAll: 'm15 5-5 5 5 5M9.5 5l-5 5 5 5',
  lock: 'M5 9.5h10v7H5zM7 9.5V7a3 3 0 0 1 6 0v2.5',
  warning: 'M10 3.5 17.5 16h-15zM10 8v4M10 14v.2',
  information: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 9.2V13M10 6.7v.2',
  cloudOff: 'M6 15h8.2a2.8 2.8 0 0 0 .6-5.5A5 5 0 0 0 8 6M5.6 8.4A3.4 3.4 0 0 0 6 15M4 4l12 12',
  sliders:
    'M4 6.5h7M15 6.5h1M4 13.5h1M9 13.5h7M13 8.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zM7 15.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4z',
  people:
    'M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.5c0-3 2.4-5 5.5-5s5.5 2 5.5 5M13.2 3.8a3 3 0 0 1 0 5.4M15 11.9c1.9.7 3 2.4 3 4.6',
  list: 'm3.5 5.5 1.2 1.2L7 4.5M3.5 13.5l1.2 1.2L7 12.5M10 5.8h7M10 13.8h7',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.2l2.8 1.8',
  person:
    'M10 9.8a3.4 3.4 0 1 0 0-6.8 3.4 3.4 0 0 0 0 6.8zM3.5 17c.4-3.2 3-5.2 6.5-5.2s6.1 2 6.5 5.2',
  building: 'M4.5 17V3.5h7V17M11.5 8h4v9M3 17h14M7 6.5h2M7 9.5h2M7 12.5h2',
  upload: 'M10 13V4M6.5 7.5 10 4l3.5 3.5M4 13v3h12v-3',
  download: 'M10 4v9M6.5 9.5 10 13l3.5-3.5M4 13v3h12v-3',
  bolt: 'M11.2 3 4.8 11.4h4.4L8.4 17l6.6-8.6h-4.5z',
  refresh: 'M16 10a6 6 0 1 1-1.8-4.3M16 3.5v3.2h-3.2',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" class="mark-ground" />
      <circle cx="12.5" cy="12.5" r="4.5" class="mark-person" />
      <path d="M5 25.5c0-4.4 3.4-7.5 7.5-7.5s7.5 3.1 7.5 7.5z" class="mark-person" />
      <path d="m19.5 14.2 3 3 5-5.4" class="mark-tick" />
    </svg>
  )
}
