import { useEffect, useRef } from 'preact/hooks'
import type { UserRowFragment } from '../graph/generated'
import { withQuery } from '../location'
import { useStore } from '../store'
import { Address } from '../ui/address'
import { Moment } from '../ui/moment'
import { useWords } from '../words'
import type { OrderName } from './list'
import { lastSaved } from './saved'

type Properties = {
  users: UserRowFragment[]
  checkedIds: ReadonlySet<string>
  onCheck: (ids: ReadonlySet<string>) => void
  busy: boolean
  order: OrderName
}

/** The list with a check box per user (rule 16). The roles keep it a table when drawn as cards. */
export function UserTable({ users, checkedIds, onCheck, busy, order }: Properties) {
  const words = useWords().users
  const all = users.length > 0 && users.every(({ id }) => checkedIds.has(id))
  const some = !all && users.some(({ id }) => checkedIds.has(id))
  const toggle = (id: string) => {
    const next = new Set(checkedIds)
    if (!next.delete(id)) next.add(id)
    onCheck(next)
  }
  const sort = order === 'name' ? 'ascending' : order === 'name-down' ? 'descending' : undefined
  return (
    <table class="users" role="table" aria-busy={busy} aria-label={words.title}>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col" class="check-cell">
            <Check
              label={words.checkAll}
              checked={all}
              mixed={some}
              onChange={() => onCheck(all ? new Set() : new Set(users.map(({ id }) => id)))}
            />
          </th>
          <th role="columnheader" scope="col" aria-sort={sort}>
            {words.columns.name}
          </th>
          <th role="columnheader" scope="col">
            {words.columns.account}
          </th>
          <th role="columnheader" scope="col">
            {words.columns.roles}
          </th>
          <th role="columnheader" scope="col">
            {words.columns.status}
          </th>
          <th role="columnheader" scope="col">
            {words.columns.lastSignIn}
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {users.map((user) => (
          <UserRow
            key={user.id}
            user={user}
            checked={checkedIds.has(user.id)}
            onToggle={() => toggle(user.id)}
          />
        ))}
      </tbody>
    </table>
  )
}

/** The link to a user's form. */
export const rowLinkId = (userId: string): string => `user-${userId}`

type RowProperties = { user: UserRowFragment; checked: boolean; onToggle: () => void }

function UserRow({ user, checked, onToggle }: RowProperties) {
  const words = useWords().users
  const name = `${user.firstName} ${user.lastName}`
  const saved = useStore(lastSaved) === user.id
  return (
    <tr role="row" class={`${checked ? 'checked' : ''} ${saved ? 'saved' : ''}`}>
      <td role="cell" class="check-cell">
        <Check label={words.check(name)} checked={checked} onChange={onToggle} />
      </td>
      <th role="rowheader" scope="row" class="name-cell">
        <span class="name">
          {user.viewerCanEdit ? (
            <a id={rowLinkId(user.id)} href={withQuery({ edit: user.id })}>
              {name}
            </a>
          ) : (
            name
          )}
          {user.isViewer && <span class="tag">{words.you}</span>}
        </span>
        <span class="secondary">
          <Address value={user.primaryEmailAddress} />
        </span>
      </th>
      <td role="cell" class="account-cell" data-label={words.columns.account}>
        <Address value={user.microsoftAccount} />
      </td>
      <td role="cell" class="roles-cell">
        <RoleNames user={user} />
      </td>
      <td role="cell" class="status-cell">
        <InvitationState user={user} />
      </td>
      <td role="cell" class="seen-cell" data-label={words.columns.lastSignIn}>
        {user.lastSignInAt ? (
          <Moment at={user.lastSignInAt} />
        ) : (
          <span class="faint">{words.never}</span>
        )}
      </td>
    </tr>
  )
}

function RoleNames({ user }: { user: UserRowFragment }) {
  const words = useWords().users
  if (user.selectedRoles.length === 0) return <span class="faint">{words.noRoles}</span>
  const services = Map.groupBy(user.selectedRoles, ({ service }) => service.name)
  return (
    <ul class="role-names">
      {[...services].map(([service, roles]) => (
        <li key={service}>
          <span class="secondary">{service}</span>
          <span>{roles.map(({ name }) => name).join(', ')}</span>
        </li>
      ))}
    </ul>
  )
}

/** Status, and where the invitation is, at a glance. */
function InvitationState({ user }: { user: UserRowFragment }) {
  const words = useWords().users
  const { invitation } = user
  if (user.status === 'ASSOCIATED') {
    return <span class="status good">{words.status.ASSOCIATED}</span>
  }
  if (user.status === 'NOT_INVITED' || !invitation) {
    return <span class="status idle">{words.status[user.status]}</span>
  }
  if (invitation.status !== 'PENDING') {
    return (
      <>
        <span class="status idle">{words.invitationStatus[invitation.status]}</span>
        {invitation.status === 'EXPIRED' && (
          <span class="secondary">
            <Moment at={invitation.expiresAt} />
          </span>
        )}
      </>
    )
  }
  if (invitation.delivery === 'FAILED') {
    return (
      <>
        <span class="status bad">{words.delivery.FAILED}</span>
        <span class="secondary" title={invitation.deliveryDetail ?? undefined}>
          {invitation.deliveryDetail ?? words.delivery.failedHint}
        </span>
      </>
    )
  }
  return (
    <>
      <span class="status waiting">{words.status.INVITED}</span>
      <span class="secondary">
        {invitation.delivery === 'QUEUED' ? (
          words.delivery.QUEUED
        ) : (
          <>
            {words.delivery.SENT} {invitation.lastSentAt && <Moment at={invitation.lastSentAt} />}
          </>
        )}
      </span>
    </>
  )
}

type CheckProperties = { label: string; checked: boolean; mixed?: boolean; onChange: () => void }

function Check({ label, checked, mixed = false, onChange }: CheckProperties) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (input.current) input.current.indeterminate = mixed
  }, [mixed])
  return (
    <label class="check">
      <input ref={input} type="checkbox" checked={checked} onChange={onChange} aria-label={label} />
    </label>
  )
}
