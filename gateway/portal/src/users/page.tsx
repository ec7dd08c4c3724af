import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { useAnswer } from '../graph/answers'
import { useAttempt } from '../graph/attempt'
import { type UserRowFragment, UsersPageDocument } from '../graph/generated'
import { useUserChanges } from '../graph/live'
import { useWatch } from '../graph/watch'
import { focusAgain, focusHeading, navigate, usePlace, withQuery } from '../location'
import { isAdministrator, type Organization } from '../session'
import { Button } from '../ui/button'
import { Icon } from '../ui/icon'
import { Pager, pageArguments } from '../ui/pager'
import { FailureNotice, Notice, Skeleton } from '../ui/states'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { DeleteDialog } from './delete'
import { Filters } from './filters'
import { UserFormPage } from './form-page'
import { ImportDialog } from './import'
import { InviteDialog, type InviteOutcome, sendInvitations } from './invite'
import { choiceOf, filterOf, isFiltered, ORDERS, PAGE_SIZE } from './list'
import { whyNotManageable } from './reasons'
import { rowLinkId, UserTable } from './table'
import { Toolbar } from './toolbar'

/** User management (rules 15 to 18): the list, or the form that the address names. */
export function UsersPage({ organization }: { organization: Organization }) {
  const { query } = usePlace()
  const edited = query.get('edit')
  const form = edited ?? (query.has('new') ? '' : null)
  const before = useRef(form)
  useEffect(() => {
    if (before.current !== form) focusHeading()
    before.current = form
  }, [form])
  if (edited !== null) return <UserFormPage key={edited} organization={organization} id={edited} />
  if (query.has('new')) return <UserFormPage key="new" organization={organization} id={null} />
  return <UserList organization={organization} left={before.current} />
}

const NONE: UserRowFragment[] = []

/** `left` is the user whose form was shown before. */
function UserList({ organization, left }: { organization: Organization; left: string | null }) {
  const all = useWords()
  const words = all.users
  const { query } = usePlace()
  const choice = choiceOf(query)
  const variables = {
    organizationId: organization.id,
    filter: filterOf(choice),
    orderBy: ORDERS[choice.order],
    ...pageArguments(query, PAGE_SIZE),
  }
  const { data, failure, busy, reload, refresh } = useAnswer(UsersPageDocument, variables)
  useUserChanges(organization.id, () => void refresh())
  const users = data?.users.nodes ?? NONE
  const leftAtFirst = useRef(left).current
  const isThere = data !== undefined
  useEffect(() => {
    if (isThere && leftAtFirst) focusAgain(rowLinkId(leftAtFirst))
  }, [isThere])
  const [checkedIds, setCheckedIds] = useState<ReadonlySet<string>>(new Set())
  const checked = useMemo(() => users.filter(({ id }) => checkedIds.has(id)), [users, checkedIds])
  const [deleting, setDeleting] = useState<UserRowFragment[] | null>(null)
  const [outcome, setOutcome] = useState<InviteOutcome | null>(null)
  const [sending, attempt] = useAttempt()
  const [importing, setImporting] = useState(false)
  const waiting = users.some(({ invitation }) => invitation?.delivery === 'QUEUED')
  const watchDelivery = useWatch(waiting, reload)

  const listKey = JSON.stringify(variables)
  // Another list, another selection.
  useEffect(() => setCheckedIds(new Set()), [listKey])

  // Someone removed the last user of this page meanwhile: go back to the first.
  const emptyPage =
    !busy && data && users.length === 0 && (query.get('after') || query.get('before'))
  useEffect(() => {
    if (emptyPage) void navigate(withQuery({ after: null, before: null }), 'replace')
  }, [emptyPage])

  const send = (chosen: { id: string; firstName: string; lastName: string }[]) =>
    attempt(async () => {
      const result = await sendInvitations(chosen)
      await reload()
      watchDelivery()
      if (result.refused.length === 0) {
        setOutcome(null)
        setCheckedIds(new Set())
        announce(words.invite.sent(result.sent.length))
      } else setOutcome(result)
    })

  const total = data?.users.totalCount
  return (
    <main class="page wide">
      <header class="page-header">
        <div>
          <h1 tabIndex={-1}>{words.title}</h1>
          <p class="subtitle">
            {organization.name}
            <span class="subtitle-count">{total === undefined ? '' : words.count(total)}</span>
          </p>
        </div>
        {isAdministrator(organization) && (
          <div class="page-actions" role="group" aria-label={words.import.files}>
            <Button
              icon="upload"
              reason={whyNotManageable(organization, all)}
              onClick={() => setImporting(true)}
            >
              {words.import.button}
            </Button>
            <a class="button plain" href={`/organizations/${organization.id}/users.csv`} download>
              <Icon name="download" />
              <span class="button-text">{words.import.export}</span>
            </a>
          </div>
        )}
      </header>
      <Toolbar
        organization={organization}
        checked={checked}
        sending={sending}
        onEdit={(id) => void navigate(withQuery({ edit: id }))}
        onDelete={() => setDeleting(checked)}
        onInvite={() => void send(checked)}
      />
      <Filters organization={organization} choice={choice} />
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : !data ? (
        <Skeleton rows={12} kind="row" />
      ) : users.length === 0 ? (
        isFiltered(choice) ? (
          <Notice
            icon="search"
            title={words.nothingFound.title}
            actions={
              <Button
                onClick={() =>
                  void navigate(
                    withQuery({ search: null, service: null, role: null, status: null }),
                  )
                }
              >
                {words.nothingFound.clear}
              </Button>
            }
          >
            <p>{words.nothingFound.text}</p>
          </Notice>
        ) : (
          <Notice icon="people" title={words.empty.title}>
            <p>{words.empty.text}</p>
          </Notice>
        )
      ) : (
        <>
          <UserTable
            users={users}
            checkedIds={checkedIds}
            onCheck={setCheckedIds}
            busy={busy}
            order={choice.order}
          />
          <Pager page={data.users.pageInfo} label={words.pages} />
        </>
      )}
      {deleting && (
        <DeleteDialog
          organization={organization}
          users={deleting}
          onClose={() => setDeleting(null)}
          onDeleted={async () => {
            setCheckedIds(new Set())
            await reload()
          }}
        />
      )}
      {importing && (
        <ImportDialog
          organization={organization}
          onClose={() => setImporting(false)}
          onCreated={reload}
        />
      )}
      {outcome && (
        <InviteDialog
          outcome={outcome}
          busy={sending}
          onRetry={(refused) => void send(refused)}
          onClose={() => setOutcome(null)}
        />
      )}
    </main>
  )
}
