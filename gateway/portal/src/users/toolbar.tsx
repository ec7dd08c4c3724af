import type { UserRowFragment } from '../graph/generated'
import { navigate, withQuery } from '../location'
import { isAdministrator, manageable, type Organization } from '../session'
import { Button } from '../ui/button'
import { Icon } from '../ui/icon'
import { useWords, type Words } from '../words'

type Properties = {
  organization: Organization
  checked: UserRowFragment[]
  sending: boolean
  onEdit: (id: string) => void
  onDelete: () => void
  onInvite: () => void
}

/** The page's buttons (rule 16), each enabled as rule 18 says, or saying why it is not. */
export function Toolbar(properties: Properties) {
  const { organization, checked, sending, onEdit, onDelete, onInvite } = properties
  const words = useWords()
  const labels = words.users
  const general = whyNotManageable(organization, words)
  const [first] = checked
  const none = checked.length === 0
  const foreign = checked.find(({ viewerCanEdit }) => !viewerCanEdit)
  const untouchable = foreign && labels.reasons.cantEdit(`${foreign.firstName} ${foreign.lastName}`)
  return (
    <>
      {general && (
        <p class="banner toolbar-reason">
          <Icon name="information" />
          <span>{general}</span>
        </p>
      )}
      <div class="toolbar" role="group" aria-label={labels.actions}>
        <Button
          kind="primary"
          icon="plus"
          reason={general}
          onClick={() => void navigate(withQuery({ new: '1' }))}
        >
          {labels.new}
        </Button>
        <span class="toolbar-gap" />
        <Button
          icon="pencil"
          reason={general ?? (checked.length === 1 ? untouchable : labels.reasons.exactlyOne)}
          onClick={() => first && onEdit(first.id)}
        >
          {labels.edit}
        </Button>
        <Button
          icon="bin"
          reason={general ?? (none ? labels.reasons.oneOrMore : untouchable)}
          onClick={onDelete}
        >
          {labels.delete}
        </Button>
        <Button
          icon="envelope"
          busy={sending}
          reason={general ?? (none ? labels.reasons.oneOrMore : null)}
          onClick={onInvite}
        >
          {labels.send}
        </Button>
        <p class="toolbar-count" aria-live="polite">
          {none ? '' : labels.checked(checked.length)}
        </p>
      </div>
    </>
  )
}

/** Why the viewer can manage nobody here at all, or null. */
export function whyNotManageable(organization: Organization, words: Words): string | null {
  if (manageable(organization).length > 0) return null
  if (!isAdministrator(organization)) return words.users.reasons.notAdministrator
  const own = organization.subscriptions.filter((one) => one.viewerIsServiceAdministrator)
  const reason = own.map(({ availability }) => availability.reason).find((one) => one !== null)
  return reason ? words.availability(reason) : words.users.reasons.deactivated
}
