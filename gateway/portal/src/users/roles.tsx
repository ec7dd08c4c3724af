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
  /** Roles of services that the viewer doesn't administer stay where they are (rule 4). */
  isLocked: (role: Role) => boolean
  onAdd: (ids: string[]) => void
  onRemove: (ids: string[]) => void
  problems: string[]
  pending: string
}

const NONE: ReadonlySet<string> = new Set()

/** Available and Selected roles with single and double arrows, both ways (rule 17). */
export function RoleLists(properties: Properties) {
  const { available, selected, isLocked, onAdd, onRemove, problems, pending } = properties
  const words = useWords().users.roles
  const [chosenAvailable, setChosenAvailable] = useState(NONE)
  const [chosenSelected, setChosenSelected] = useState(NONE)

  const movableAvailable = available.filter((role) => !isLocked(role))
  const movableSelected = selected.filter((role) => !isLocked(role))
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
          isLocked={isLocked}
          empty={selected.length > 0 ? words.allSelected : words.noneAvailable}
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
          isLocked={isLocked}
          empty={words.noneSelected}
          describedBy="roles-keys"
        />
      </div>
      <FieldProblems id="roles-problem" problems={problems} />
      <p class="hint" id="roles-keys">
        {words.keys}
      </p>
      {pending && <p class="pending-roles">{pending}</p>}
    </div>
  )
}
