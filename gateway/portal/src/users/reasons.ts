// Why the viewer can't manage users, or the roles of a service, right now: one true reason each.
import { isAdministrator, manageable, type Organization } from '../session'
import type { Words } from '../words'

/** Why the viewer can manage nobody here at all, or null. */
export function whyNotManageable(organization: Organization, words: Words): string | null {
  if (manageable(organization).length > 0) return null
  if (!isAdministrator(organization)) return words.users.reasons.notAdministrator
  const own = organization.subscriptions.filter((one) => one.viewerIsServiceAdministrator)
  const unavailable = own.find(({ availability }) => !availability.available)
  if (unavailable) return whyLocked(unavailable.service.id, organization, words)
  return words.users.reasons.deactivated
}

/** Why the viewer can neither grant nor remove the roles of a service, or null. */
export function whyLocked(
  serviceId: string,
  organization: Organization,
  words: Words,
): string | null {
  const found = organization.subscriptions.find(({ service }) => service.id === serviceId)
  if (!found?.viewerIsServiceAdministrator) return words.users.roles.locked
  const { reason } = found.availability
  if (reason !== null) return words.availability(reason)
  return found.status === 'ACTIVE' ? null : words.problems.codes.SERVICE_NOT_ACTIVE
}

/** A sentence for each service that the viewer administers and whose roles are locked all the same. */
export function lockedServices(
  organization: Organization,
  words: Words,
  among = organization.subscriptions,
): string[] {
  return among
    .filter((one) => one.viewerIsServiceAdministrator)
    .flatMap(({ service }) => {
      const why = whyLocked(service.id, organization, words)
      return why === null ? [] : [words.users.roles.lockedService(service.name, why)]
    })
}
