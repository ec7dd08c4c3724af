import { useEffect, useRef, useState } from 'preact/hooks'
import { useAttempt } from '../graph/attempt'
import { ask, type Failure } from '../graph/client'
import {
  CreateUserDocument,
  EditUserDocument,
  type RolePartsFragment,
  type UserFormFragment,
} from '../graph/generated'
import { addressOf, focusHeading, guardLeaving, navigate, withQuery } from '../location'
import { type Problem, problemsAt } from '../problems'
import { type Organization, useSession } from '../session'
import { Button } from '../ui/button'
import { confirm } from '../ui/dialog'
import { TextField } from '../ui/field'
import { Icon } from '../ui/icon'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { ConflictNotice } from './conflict'
import { type Draft, draftOf, EMPTY, isChanged, missingFrom, rebase, roleChanges } from './draft'
import { InvitationSection } from './invitation-section'
import { ProblemSummary } from './problem-summary'
import { lockedServices, whyLocked, whyNotManageable } from './reasons'
import { RoleLists } from './roles'
import { noteSaved } from './saved'

type Properties = {
  organization: Organization
  user: UserFormFragment | null
  available: RolePartsFragment[]
  onReload: () => Promise<void>
}

/** Add (steps 4 to 6 of the document) or edit. Nothing is stored before Save (rule 21). */
export function UserForm({ organization, user: initial, available }: Properties) {
  const words = useWords()
  const labels = words.users.form
  const session = useSession()
  const [user, setUser] = useState(initial)
  const base = user ? draftOf(user) : EMPTY
  const [draft, setDraft] = useState<Draft>(base)
  const [problems, setProblems] = useState<Problem[]>([])
  const [failure, setFailure] = useState<Failure | null>(null)
  const [theirs, setTheirs] = useState<UserFormFragment | null>(null)
  const [saving, attempt] = useAttempt(setFailure)
  const summary = useRef<HTMLDivElement>(null)
  const changed = isChanged(draft, base)

  useEffect(focusHeading, [])

  useEffect(() => {
    if (!changed) return
    const { title, text, stay, leave } = labels.unsaved
    return guardLeaving(() => confirm({ title, text, yes: leave, no: stay, danger: true }))
  }, [changed, labels])
  useEffect(() => {
    if (problems.length > 0 || failure || theirs) summary.current?.focus()
  }, [problems, failure, theirs])

  const set = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }))
  const at = (field: string) => problemsAt(problems, field, words)

  const finish = async (id: string, text: string, to: string) => {
    noteSaved(id)
    announce(text)
    await navigate(to, 'replace')
    if (user?.isViewer) await session.reload()
  }

  const create = async () => {
    const { createUser } = await ask(CreateUserDocument, {
      input: {
        organizationId: organization.id,
        firstName: draft.firstName,
        lastName: draft.lastName,
        microsoftAccount: draft.microsoftAccount,
        primaryEmailAddress: draft.primaryEmailAddress,
        roles: { set: [...draft.roleIds] },
      },
    })
    const { user: saved, userErrors } = createUser
    if (!saved) return setProblems(userErrors)
    // The newest first, so that the check box of "the user whom you just added" is at hand.
    const to = addressOf('/users', { organization: organization.id, order: 'newest' })
    return finish(saved.id, labels.created(`${saved.firstName} ${saved.lastName}`), to)
  }

  const edit = async (edited: UserFormFragment, confirmSelfDemotion: boolean): Promise<void> => {
    const { editUser } = await ask(EditUserDocument, {
      input: {
        id: edited.id,
        version: edited.version,
        firstName: draft.firstName,
        lastName: draft.lastName,
        primaryEmailAddress: draft.primaryEmailAddress,
        roles: roleChanges(draft, base),
        confirmSelfDemotion,
      },
    })
    const { user: saved, userErrors } = editUser
    if (saved) {
      const text = labels.saved(`${saved.firstName} ${saved.lastName}`)
      return finish(saved.id, text, withQuery({ edit: null }))
    }
    const conflict = userErrors.find((one) => one.__typename === 'VersionConflictError')
    if (conflict) return setTheirs(conflict.current)
    const others = userErrors.filter(({ code }) => code !== 'SELF_DEMOTION_NOT_CONFIRMED')
    if (others.length < userErrors.length && others.length === 0) {
      const { title, text, yes, no } = labels.selfDemotion
      if (await confirm({ title, text, yes, no, danger: true })) return edit(edited, true)
      return
    }
    setProblems(others)
  }

  const save = async (event: Event) => {
    event.preventDefault()
    if (saving) return
    setFailure(null)
    setProblems([])
    await attempt(() => (user ? edit(user, false) : create()))
  }

  const keepMine = (current: UserFormFragment) => {
    setDraft(rebase(draft, base, draftOf(current)))
    setUser(current)
    setTheirs(null)
  }
  const takeTheirs = (current: UserFormFragment) => {
    setDraft(draftOf(current))
    setUser(current)
    setTheirs(null)
  }

  const roles = new Map(
    [...(user?.selectedRoles ?? []), ...(user?.availableRoles ?? []), ...available].map((role) => [
      role.id,
      role,
    ]),
  )
  const known = [...roles.values()]
  const selected = known.filter(({ id }) => draft.roleIds.includes(id))
  const offered = known.filter(
    ({ id, service }) =>
      !draft.roleIds.includes(id) && whyLocked(service.id, organization, words) === null,
  )
  const whyReadOnly =
    user && !user.viewerCanEdit
      ? (whyNotManageable(organization, words) ??
        words.users.reasons.cantEdit(`${user.firstName} ${user.lastName}`))
      : null
  const readOnly = whyReadOnly !== null

  return (
    <main class="page">
      <header class="page-header">
        <div>
          <a class="back" href={withQuery({ edit: null, new: null })}>
            <Icon name="previous" />
            {labels.back}
          </a>
          <h1 tabIndex={-1}>{user ? `${user.firstName} ${user.lastName}` : labels.newTitle}</h1>
          <p class="subtitle">{user ? labels.editTitle : organization.name}</p>
        </div>
      </header>
      <form
        class="user-form"
        noValidate
        onSubmit={save}
        aria-label={user ? labels.editTitle : labels.newTitle}
      >
        <div ref={summary} tabIndex={-1} class="summary-place">
          {theirs && (
            <ConflictNotice
              base={base}
              draft={draft}
              current={theirs}
              roles={roles}
              onKeep={() => keepMine(theirs)}
              onTake={() => takeTheirs(theirs)}
            />
          )}
          {(problems.length > 0 || failure) && (
            <ProblemSummary problems={problems} failure={failure} />
          )}
        </div>
        <section class="form-section">
          <h2>{labels.person}</h2>
          <div class="form-fields two">
            <TextField
              label={labels.firstName}
              name="firstName"
              value={draft.firstName}
              readOnly={readOnly}
              onInput={(firstName) => set({ firstName })}
              problems={at('firstName')}
            />
            <TextField
              label={labels.lastName}
              name="lastName"
              value={draft.lastName}
              readOnly={readOnly}
              onInput={(lastName) => set({ lastName })}
              problems={at('lastName')}
            />
          </div>
        </section>
        <section class="form-section">
          <h2>{labels.addresses}</h2>
          <div class="form-fields two">
            <TextField
              label={labels.microsoftAccount}
              name="microsoftAccount"
              type="email"
              value={draft.microsoftAccount}
              readOnly={user !== null}
              onInput={(microsoftAccount) => set({ microsoftAccount })}
              problems={at('microsoftAccount')}
              hint={user ? labels.accountFixed : labels.accountHint}
            />
            <TextField
              label={labels.primaryEmailAddress}
              name="primaryEmailAddress"
              type="email"
              value={draft.primaryEmailAddress}
              readOnly={readOnly}
              onInput={(primaryEmailAddress) => set({ primaryEmailAddress })}
              problems={at('primaryEmailAddress')}
              hint={labels.emailHint}
            />
          </div>
        </section>
        <section class="form-section">
          <h2>{labels.servicesAndRoles}</h2>
          <RoleLists
            available={offered}
            selected={selected}
            whyLocked={({ service }) => whyLocked(service.id, organization, words) ?? whyReadOnly}
            lockedServices={lockedServices(organization, words)}
            onAdd={(ids) =>
              set({ roleIds: [...draft.roleIds, ...missingFrom(ids, draft.roleIds)] })
            }
            onRemove={(ids) => set({ roleIds: missingFrom(draft.roleIds, ids) })}
            problems={at('roles')}
            pending={
              user
                ? labels.pendingRoles(
                    missingFrom(draft.roleIds, base.roleIds).length,
                    missingFrom(base.roleIds, draft.roleIds).length,
                  )
                : ''
            }
          />
        </section>
        {user?.invitation && user.status !== 'ASSOCIATED' && (
          <InvitationSection
            invitation={user.invitation}
            reason={whyReadOnly}
            onWithdrawn={(invitation) => setUser({ ...user, invitation })}
          />
        )}
        <div class="form-actions">
          <Button
            kind="primary"
            type="submit"
            busy={saving}
            reason={
              whyReadOnly ??
              (theirs
                ? labels.conflict.decideFirst
                : user && !changed
                  ? labels.nothingToSave
                  : null)
            }
          >
            {labels.save}
          </Button>
          <Button onClick={() => void navigate(withQuery({ edit: null, new: null }))}>
            {words.cancel}
          </Button>
          {changed && <p class="faint">{labels.notSavedYet}</p>}
        </div>
      </form>
    </main>
  )
}
