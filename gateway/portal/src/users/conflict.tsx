import type { RolePartsFragment, UserFormFragment } from '../graph/generated'
import { Button } from '../ui/button'
import { Icon } from '../ui/icon'
import { Moment } from '../ui/moment'
import { useWords } from '../words'
import { changedFields, type Draft, type DraftField, draftOf } from './draft'

type Properties = {
  base: Draft
  draft: Draft
  current: UserFormFragment
  roles: ReadonlyMap<string, RolePartsFragment>
  onKeep: () => void
  onTake: () => void
}

/** Someone saved this user meanwhile (rule 34): what they changed, and which of the two to go on with. */
export function ConflictNotice({ base, draft, current, roles, onKeep, onTake }: Properties) {
  const words = useWords().users.form
  const now = draftOf(current)
  const names = new Map(
    [...roles.values(), ...current.selectedRoles].map((one) => [one.id, one.name]),
  )
  const show = (value: Draft, field: DraftField): string => {
    if (field !== 'roleIds') return value[field]
    return value.roleIds.map((id) => names.get(id) ?? id).join(', ') || words.conflict.noRoles
  }
  const fields = changedFields(base, now)
  return (
    <div class="banner conflict" role="alert">
      <Icon name="information" />
      <div>
        <strong>{words.conflict.title}</strong>
        <p>
          {words.conflict.text} <Moment at={current.updatedAt} />
        </p>
        <table class="conflict-table">
          <thead>
            <tr>
              <th scope="col">{words.conflict.field}</th>
              <th scope="col">{words.conflict.before}</th>
              <th scope="col">{words.conflict.theirs}</th>
              <th scope="col">{words.conflict.yours}</th>
            </tr>
          </thead>
          <tbody>
            {fields.map((field) => (
              <tr key={field}>
                <th scope="row">{words.fieldNames[field]}</th>
                <td>{show(base, field)}</td>
                <td>
                  <ins>{show(now, field)}</ins>
                </td>
                <td>{show(draft, field)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <div class="banner-actions">
          <Button kind="primary" onClick={onKeep}>
            {words.conflict.keep}
          </Button>
          <Button onClick={onTake}>{words.conflict.take}</Button>
        </div>
      </div>
    </div>
  )
}
