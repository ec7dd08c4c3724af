// What the form holds, compared with what was read and with what someone else saved meanwhile.
import type { RoleSelection, UserFormFragment } from '../graph/generated'

export type Draft = {
  firstName: string
  lastName: string
  microsoftAccount: string
  primaryEmailAddress: string
  roleIds: readonly string[]
}

export type DraftField = keyof Draft
export const TEXT_FIELDS = ['firstName', 'lastName', 'primaryEmailAddress'] as const

export const EMPTY: Draft = {
  firstName: '',
  lastName: '',
  microsoftAccount: '',
  primaryEmailAddress: '',
  roleIds: [],
}

export function draftOf(user: UserFormFragment): Draft {
  return {
    firstName: user.firstName,
    lastName: user.lastName,
    microsoftAccount: user.microsoftAccount,
    primaryEmailAddress: user.primaryEmailAddress,
    roleIds: user.selectedRoles.map(({ id }) => id),
  }
}

export function missingFrom(ids: readonly string[], others: readonly string[]): string[] {
  return ids.filter((id) => !others.includes(id))
}

export const sameRoles = (one: readonly string[], other: readonly string[]): boolean =>
  missingFrom(one, other).length === 0 && missingFrom(other, one).length === 0

export function isChanged(draft: Draft, base: Draft): boolean {
  return (
    TEXT_FIELDS.some((field) => draft[field] !== base[field]) ||
    draft.microsoftAccount !== base.microsoftAccount ||
    !sameRoles(draft.roleIds, base.roleIds)
  )
}

/** The arrows that were used, so that roles which others manage are not even mentioned. */
export function roleChanges(draft: Draft, base: Draft): RoleSelection | null {
  const add = missingFrom(draft.roleIds, base.roleIds)
  const remove = missingFrom(base.roleIds, draft.roleIds)
  return add.length + remove.length > 0 ? { add, remove } : null
}

/** The reader's changes on top of what someone else saved: where both changed, the reader's win. */
export function rebase(draft: Draft, base: Draft, current: Draft): Draft {
  const merged = { ...current }
  for (const field of TEXT_FIELDS) {
    if (draft[field] !== base[field]) merged[field] = draft[field]
  }
  const added = missingFrom(draft.roleIds, base.roleIds)
  const removed = missingFrom(base.roleIds, draft.roleIds)
  const kept = current.roleIds.filter((id) => !removed.includes(id))
  return { ...merged, roleIds: [...kept, ...missingFrom(added, kept)] }
}

/** The fields that someone else changed meanwhile. */
export function changedFields(base: Draft, current: Draft): DraftField[] {
  const fields: DraftField[] = TEXT_FIELDS.filter((field) => base[field] !== current[field])
  return sameRoles(base.roleIds, current.roleIds) ? fields : [...fields, 'roleIds']
}
