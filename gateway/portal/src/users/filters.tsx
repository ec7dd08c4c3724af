import { useEffect, useRef, useState } from 'preact/hooks'
import { navigate, withQuery } from '../location'
import type { Organization } from '../session'
import { SelectField } from '../ui/field'
import { Icon } from '../ui/icon'
import { useWords } from '../words'
import { type ListChoice, ORDERS, type OrderName, STATUSES } from './list'

const TYPING_PAUSE_MS = 250

/** Search as you type, filters and order; each lands in the address bar, back on the first page. */
export function Filters(properties: { organization: Organization; choice: ListChoice }) {
  const { organization, choice } = properties
  const words = useWords().users
  const change = (changes: Record<string, string | null>, how: 'push' | 'replace' = 'push') =>
    void navigate(withQuery({ ...changes, after: null, before: null }), how)
  const subscriptions = organization.subscriptions.filter(
    ({ service }) => !choice.service || service.id === choice.service,
  )
  return (
    <search class="filters">
      <SearchField
        value={choice.search}
        onSearch={(search) => change({ search }, 'replace')}
        label={words.search}
      />
      <SelectField
        label={words.filters.service}
        name="service"
        hiddenLabel
        value={choice.service}
        onChange={(service) => change({ service, role: null })}
      >
        <option value="">{words.filters.anyService}</option>
        {organization.subscriptions.map(({ service }) => (
          <option key={service.id} value={service.id}>
            {service.name}
          </option>
        ))}
      </SelectField>
      <SelectField
        label={words.filters.role}
        name="role"
        hiddenLabel
        value={choice.role}
        onChange={(role) => change({ role })}
      >
        <option value="">{words.filters.anyRole}</option>
        {subscriptions.map(({ service }) => (
          <optgroup key={service.id} label={service.name}>
            {service.roles.map((role) => (
              <option key={role.id} value={role.id}>
                {role.name}
              </option>
            ))}
          </optgroup>
        ))}
      </SelectField>
      <SelectField
        label={words.filters.status}
        name="status"
        hiddenLabel
        value={choice.status}
        onChange={(status) => change({ status })}
      >
        <option value="">{words.filters.anyStatus}</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {words.status[status]}
          </option>
        ))}
      </SelectField>
      <SelectField
        label={words.filters.order}
        name="order"
        hiddenLabel
        value={choice.order}
        onChange={(order) => change({ order: order === 'name' ? null : order })}
      >
        {(Object.keys(ORDERS) as OrderName[]).map((order) => (
          <option key={order} value={order}>
            {words.orders[order]}
          </option>
        ))}
      </SelectField>
    </search>
  )
}

type SearchProperties = { value: string; onSearch: (text: string) => void; label: string }

function SearchField({ value, onSearch, label }: SearchProperties) {
  const [text, setText] = useState(value)
  const sent = useRef(value)
  useEffect(() => {
    if (value !== sent.current) setText(value)
    sent.current = value
  }, [value])
  useEffect(() => {
    if (text === sent.current) return
    const timer = setTimeout(() => {
      sent.current = text
      onSearch(text)
    }, TYPING_PAUSE_MS)
    return () => clearTimeout(timer)
  })
  return (
    <div class="field search-field">
      <label class="visually-hidden" for="field-search">
        {label}
      </label>
      <Icon name="search" />
      <input
        id="field-search"
        type="search"
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </div>
  )
}
