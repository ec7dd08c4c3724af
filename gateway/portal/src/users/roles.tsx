import { useState } from 'preact/hooks'
import type { RolePartsFragment } from '../graph/generated'
import { Button } from '../ui/button'
import { FieldProblems } from '../ui/field'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { Listbox } from './listbox'

type Role = RolePartsFragment
type Properties = {
  available: Role[]
  selected: Role[]
  /** Why a role has to stay where it is, or null (rules 4, 11 and 14). */
  whyLocked: (role: Role) => string | null
  onAdd: (ids: string[]) => void
  onRemove: (ids: string[]) => void
  problems: string[]
  pending: string
  /** Which services' roles are not offered, and why. */
  lockedServices: string[]
}

const NONE: ReadonlySet<string> = new Set()

/** Available and Selected roles with single and double arrows, both ways (rule 17). */
export function RoleLists(properties: Properties) {
  const { available, selected, whyLocked, onAdd, onRemove, problems, pending, lockedServices } =
    properties
  const words = useWords().users.roles
  const [chosenAvailable, setChosenAvailable] = useState(NONE)
  const [chosenSelected, setChosenSelected] = useState(NONE)

  const movableAvailable = available.filter((role) => whyLocked(role) === null)
  const movableSelected = selected.filter((role) => whyLocked(role) === null)
  const allSelected = movableSelected.length > 0 && lockedServices.length === 0
  const spoken = (role: Role) =>
    [...available, ...selected].some(({ id, name }) => name === role.name && id !== role.id)
      ? words.ofService(role.name, role.service.name)
      : role.name
  const add = (roles: Role[]) => {
    if (roles.length === 0) return
    onAdd(roles.map(({ id }) => id))
    setChosenAvailable(NONE)
    announce(words.added(roles.map(spoken)), 'whisper')
  }
  const remove = (roles: Role[]) => {
    if (roles.length === 0) return
    onRemove(roles.map(({ id }) => id))
    setChosenSelected(NONE)
    announce(words.removed(roles.map(spoken)), 'whisper')
  }
  const toAdd = movableAvailable.filter(({ id }) => chosenAvailable.has(id))
  const toRemove = movableSelected.filter(({ id }) => chosenSelected.has(id))

  return (
    <div class="role-lists-place">
      <div class="role-lists">
        <Listbox
          id="field-roles"
          label={words.available}
          roles={available}
          chosen={chosenAvailable}
          onChoose={setChosenAvailable}
          onMove={(ids) => add(movableAvailable.filter(({ id }) => ids.includes(id)))}
          moveKey="ArrowRight"
          whyLocked={whyLocked}
          empty={allSelected ? words.allSelected : words.noneAvailable}
          describedBy={problems.length > 0 ? 'roles-problem' : 'roles-keys'}
        />
        <div class="arrows" role="group" aria-label={words.arrows}>
          <Button
            icon="next"
            label={words.add}
            reason={toAdd.length > 0 ? null : words.chooseToAdd}
            onClick={() => add(toAdd)}
          >
            {words.add}
          </Button>
          <Button
            icon="nextAll"
            label={words.addAll}
            reason={movableAvailable.length > 0 ? null : words.nothingToAdd}
            onClick={() => add(movableAvailable)}
          >
            {words.addAll}
          </Button>
          <Button
            icon="previous"
            label={words.remove}
            reason={toRemove.length > 0 ? null : words.chooseToRemove}
            onClick={() => remove(toRemove)}
          >
            {words.remove}
          </Button>
          <Button
            icon="previousAll"
            label={words.removeAll}
            reason={movableSelected.length > 0 ? null : words.nothingToRemove}
            onClick={() => remove(movableSelected)}
          >
            {words.removeAll}
          </Button>
        </div>
        <Listbox
          id="field-selected-roles"
          label={words.selected}
          roles={selected}
          chosen={chosenSelected}
          onChoose={setChosenSelected}
          onMove={(ids) => remove(movableSelected.filter(({ id }) => ids.includes(id)))}
          moveKey="ArrowLeft"
          whyLocked={whyLocked}
          empty={words.noneSelected}
          describedBy="roles-keys"
        />
      </div>
      <FieldProblems id="roles-problem" problems={problems} />
      {lockedServices.map((text) => (
        <p class="hint" key={text}>
          {text}
        </p>
      ))}
      <p class="hint" id="roles-keys">
        {words.keys}
      </p>
      {pending && <p class="pending-roles">{pending}</p>}
    </div>
  )
}
