// A multi-select listbox as the ARIA Authoring Practices describe it (Listbox Pattern, the
// recommended selection model): the list has the focus and names its active option.
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { RolePartsFragment } from '../graph/generated'
import { Icon } from '../ui/icon'

type Role = RolePartsFragment
type Properties = {
  id: string
  label: string
  roles: Role[]
  chosen: ReadonlySet<string>
  onChoose: (ids: ReadonlySet<string>) => void
  onMove: (ids: string[]) => void
  /** With Alt, moves the chosen options to the other list, as Enter does. */
  moveKey: 'ArrowLeft' | 'ArrowRight'
  /** Why a role has to stay where it is, or null. */
  whyLocked: (role: Role) => string | null
  empty: string
  describedBy?: string | undefined
}

const TYPING_MS = 700

export function Listbox(properties: Properties) {
  const { id, label, roles, chosen, onChoose, onMove, moveKey, whyLocked, empty } = properties
  const isLocked = (role: Role) => whyLocked(role) !== null
  const labelId = useId()
  const list = useRef<HTMLDivElement>(null)
  const [activeId, setActiveId] = useState<string | null>(null)
  const anchor = useRef<string | null>(null)
  const typed = useRef({ text: '', at: 0 })

  const groups = [...Map.groupBy(roles, ({ service }) => service.name)]
  const ordered = groups.flatMap(([, members]) => members)
  const position = ordered.findIndex((role) => role.id === activeId)
  const active = ordered[position]
  const elementId = (role: Role) => `${id}-${role.id}`

  const lastPosition = useRef(0)
  if (position >= 0) lastPosition.current = position
  useEffect(() => {
    // The active option has moved to the other list: its neighbour takes its place.
    if (activeId === null || position >= 0) return
    setActiveId(ordered[Math.min(lastPosition.current, ordered.length - 1)]?.id ?? null)
  })
  useEffect(() => {
    const option = active && document.getElementById(elementId(active))
    if (option && list.current?.contains(document.activeElement)) {
      option.scrollIntoView({ block: 'nearest' })
    }
  })

  const toggle = (role: Role) => {
    if (isLocked(role)) return
    const next = new Set(chosen)
    if (!next.delete(role.id)) next.add(role.id)
    anchor.current = role.id
    onChoose(next)
  }
  const chooseThrough = (to: number) => {
    const from = Math.max(
      0,
      ordered.findIndex((role) => role.id === anchor.current),
    )
    const range = ordered.slice(Math.min(from, to), Math.max(from, to) + 1)
    onChoose(new Set(range.filter((role) => !isLocked(role)).map((role) => role.id)))
  }
  const activate = (to: number, extend = false) => {
    const role = ordered[Math.max(0, Math.min(ordered.length - 1, to))]
    if (!role) return
    if (extend) {
      anchor.current ??= activeId
      chooseThrough(ordered.indexOf(role))
    }
    setActiveId(role.id)
  }
  const move = () => {
    const free = ordered.filter((role) => !isLocked(role))
    const some = free.filter((role) => chosen.has(role.id))
    onMove((some.length > 0 ? some : free.filter((role) => role === active)).map((one) => one.id))
  }
  const find = (key: string, now: number) => {
    const text = now - typed.current.at < TYPING_MS ? typed.current.text + key : key
    typed.current = { text, at: now }
    const start = text.length > 1 ? position : position + 1
    const around = [...ordered.slice(Math.max(0, start)), ...ordered.slice(0, Math.max(0, start))]
    const found = around.find(({ name }) => name.toLowerCase().startsWith(text.toLowerCase()))
    if (found) setActiveId(found.id)
  }

  const onKeyDown = (event: KeyboardEvent) => {
    const { key, shiftKey } = event
    if (key === 'Enter' || (event.altKey && key === moveKey)) move()
    else if (event.altKey || event.metaKey) return
    else if (event.ctrlKey && key.toLowerCase() === 'a') {
      const free = ordered.filter((role) => !isLocked(role)).map((role) => role.id)
      onChoose(free.every((one) => chosen.has(one)) ? new Set() : new Set(free))
    } else if (key === 'ArrowDown') activate(position + 1, shiftKey)
    else if (key === 'ArrowUp') activate(position < 0 ? ordered.length - 1 : position - 1, shiftKey)
    else if (key === 'Home') activate(0, shiftKey && event.ctrlKey)
    else if (key === 'End') activate(ordered.length - 1, shiftKey && event.ctrlKey)
    else if (key === ' ') {
      if (shiftKey && position >= 0) chooseThrough(position)
      else if (active) toggle(active)
    } else if (key.length === 1 && !event.ctrlKey) find(key, event.timeStamp)
    else return
    event.preventDefault()
  }

  return (
    <div class="listbox-place">
      <div class="listbox-label" id={labelId}>
        {label}
        <span class="listbox-count" aria-hidden="true">
          {ordered.length}
        </span>
      </div>
      <div class="listbox-frame">
        <div
          ref={list}
          id={id}
          class="listbox"
          role="listbox"
          tabIndex={0}
          aria-multiselectable="true"
          aria-labelledby={labelId}
          aria-describedby={properties.describedBy}
          aria-activedescendant={active ? elementId(active) : undefined}
          onKeyDown={onKeyDown}
          onFocus={() => {
            if (activeId === null) setActiveId(ordered[0]?.id ?? null)
          }}
        >
          {groups.map(([service, members], group) => (
            <div role="group" key={service} aria-labelledby={`${id}-group-${group}`}>
              <div class="listbox-group" role="presentation" id={`${id}-group-${group}`}>
                {service}
              </div>
              {members.map((role) => (
                <div
                  key={role.id}
                  id={elementId(role)}
                  role="option"
                  class={role === active ? 'option active' : 'option'}
                  aria-selected={chosen.has(role.id)}
                  aria-disabled={isLocked(role) ? 'true' : undefined}
                  aria-labelledby={`${elementId(role)}-name`}
                  aria-describedby={`${elementId(role)}-about`}
                  onMouseDown={(event) => event.shiftKey && event.preventDefault()}
                  onClick={(event) => {
                    setActiveId(role.id)
                    if (event.shiftKey) chooseThrough(ordered.indexOf(role))
                    else toggle(role)
                  }}
                  onDblClick={() => !isLocked(role) && onMove([role.id])}
                >
                  <span class="option-tick">
                    {isLocked(role) ? <Icon name="lock" /> : <Icon name="check" />}
                  </span>
                  <span class="option-text">
                    <span id={`${elementId(role)}-name`}>{role.name}</span>
                    <span class="option-about" id={`${elementId(role)}-about`}>
                      {whyLocked(role) ?? role.description}
                    </span>
                  </span>
                </div>
              ))}
            </div>
          ))}
        </div>
        {ordered.length === 0 && <p class="listbox-empty">{empty}</p>}
      </div>
    </div>
  )
}
