import { navigate, withQuery } from '../location'
import { Button } from '../ui/button'
import { useWords } from '../words'

type Properties = {
  person: { id: string; firstName: string; lastName: string }
  text: string
  /** Whether other roles would mend it, so that the form is offered. */
  rolesMendIt: boolean
}

/** One row of a dialog: for whom something was refused, and why. */
export function RefusedUser({ person, text, rolesMendIt }: Properties) {
  const labels = useWords().users.remove
  const name = `${person.firstName} ${person.lastName}`
  return (
    <li>
      <strong>{name}</strong>
      <span>{text}</span>
      {rolesMendIt && (
        <Button
          icon="pencil"
          label={labels.openFormOf(name)}
          onClick={() => void navigate(withQuery({ edit: person.id }))}
        >
          {labels.openForm}
        </Button>
      )}
    </li>
  )
}
