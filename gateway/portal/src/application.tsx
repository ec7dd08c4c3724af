import { useEffect, useRef } from 'preact/hooks'
import { focusHeading, navigate, usePlace } from './location'
import { AuditPage } from './pages/audit'
import { ChecklistPage } from './pages/checklist'
import { InvitationPage } from './pages/invitation'
import { MyPage } from './pages/me'
import { SignedOutPage } from './pages/signed-out'
import { useLanguage } from './preferences'
import { comeBack, SessionProvider, useSession, wasSignedIn } from './session'
import { Shell } from './shell'
import { QuestionDialog } from './ui/dialog'
import { FailureNotice, Notice, Skeleton } from './ui/states'
import { Toasts } from './ui/toasts'
import { UsersPage } from './users/page'
import { WebhooksPage } from './webhooks/page'
import { useWords, type Words } from './words'

export function Application() {
  useLanguage()
  return (
    <SessionProvider>
      <Shell>
        <Page />
      </Shell>
      <QuestionDialog />
      <Toasts />
    </SessionProvider>
  )
}

const INVITATION = /^\/invitations\/([^/]+)$/

function Page() {
  const words = useWords()
  const { path } = usePlace()
  const session = useSession()
  const token = INVITATION.exec(path)?.[1]
  usePageTitle()

  const atHome = path === '/' && session.state === 'signed-in'
  useEffect(() => {
    const promised = path === '/' ? comeBack() : null
    if (promised) void navigate(promised, 'replace')
    else if (atHome) void navigate('/checklist', 'replace')
  }, [path, atHome])

  if (token) return <InvitationPage token={decodeURIComponent(token)} />
  switch (session.state) {
    case 'loading':
      return <LoadingPage path={path} />
    case 'failed':
      return (
        <main class="page">
          {session.failure && <FailureNotice failure={session.failure} retry={session.reload} />}
        </main>
      )
    case 'signed-out':
      return <SignedOutPage />
  }
  const organization = session.profile?.organization
  if (path === '/me') return <MyPage />
  if (path === '/checklist') {
    return <ChecklistPage key={organization?.id} organization={organization ?? null} />
  }
  if (!organization && ['/users', '/audit', '/webhooks'].includes(path)) {
    return <ChecklistPage organization={null} />
  }
  if (organization && path === '/users') {
    return <UsersPage key={organization.id} organization={organization} />
  }
  if (organization && path === '/audit') {
    return <AuditPage key={organization.id} organization={organization} />
  }
  if (organization && path === '/webhooks') {
    return <WebhooksPage key={organization.id} organization={organization} />
  }
  if (path === '/') return <main class="page" />
  return (
    <main class="page">
      <Notice
        page
        icon="search"
        title={words.notFound.title}
        actions={
          <a class="button" href="/checklist">
            {words.notFound.home}
          </a>
        }
      >
        <p>{words.notFound.text}</p>
      </Notice>
    </main>
  )
}

/** The page's heading and bars of the size of what is coming, while it is unclear who is there. */
function LoadingPage({ path }: { path: string }) {
  const words = useWords()
  const { query } = usePlace()
  const title = titleOf(path, query, words)
  if (!wasSignedIn() || !title) return <main class="page" />
  const list = path === '/users' && !query.has('edit') && !query.has('new')
  return (
    <main class={list ? 'page wide' : 'page'}>
      <header class="page-header">
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          <p class="subtitle" />
        </div>
      </header>
      {list && <div class="tools-place" />}
      <Skeleton rows={list ? 12 : 3} kind={list ? 'row' : 'card'} />
    </main>
  )
}

/** What the page that the address names is called. */
function titleOf(path: string, query: URLSearchParams, words: Words): string | undefined {
  const { titles, users } = words
  if (path === '/users' && query.has('edit')) return users.form.editTitle
  if (path === '/users' && query.has('new')) return users.form.newTitle
  return titles[path.split('/')[1] as keyof typeof titles]
}

/** Name the page in the tab, and take screen readers to its heading when the page changes. */
function usePageTitle() {
  const words = useWords()
  const { path, query } = usePlace()
  const title = titleOf(path, query, words)
  useEffect(() => {
    document.title = title ? `${title} · ${words.product}` : words.product
  }, [title, words])
  const shown = useRef(path)
  useEffect(() => {
    // The browser itself announces the page that it has loaded.
    if (shown.current === path) return
    shown.current = path
    focusHeading()
  }, [path])
}
