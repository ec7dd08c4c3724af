import type { ComponentChildren } from 'preact'
import type { Failure } from '../graph/client'
import { useWords } from '../words'
import { Button } from './button'
import { Icon, type IconName } from './icon'

type NoticeProperties = {
  icon: IconName
  title: string
  children?: ComponentChildren
  actions?: ComponentChildren
  /** The heading of the whole page, rather than of a part of it. */
  page?: boolean
}

/** What stands where there is nothing to list: why, and what to do next. */
export function Notice({ icon, title, children, actions, page }: NoticeProperties) {
  const Heading = page ? 'h1' : 'h2'
  return (
    <section class="notice">
      <span class="notice-icon">
        <Icon name={icon} />
      </span>
      <Heading tabIndex={page ? -1 : undefined}>{title}</Heading>
      {children && <div class="notice-text">{children}</div>}
      {actions && <div class="notice-actions">{actions}</div>}
    </section>
  )
}

export function FailureNotice({ failure, retry }: { failure: Failure; retry: () => unknown }) {
  const words = useWords().failures
  const icon = { offline: 'cloudOff', 'signed-out': 'lock', forbidden: 'lock' } as const
  return (
    <div role="alert">
      <Notice
        icon={icon[failure.kind as keyof typeof icon] ?? 'warning'}
        title={words[failure.kind].title}
        actions={
          <Button icon="refresh" onClick={retry}>
            {words.retry}
          </Button>
        }
      >
        <p>{words[failure.kind].text}</p>
        {failure.requestId && failure.kind === 'defect' && (
          <p class="faint">{words.requestId(failure.requestId)}</p>
        )}
      </Notice>
    </div>
  )
}

/** Grey bars of the size of what is coming, so that nothing moves when it arrives. */
export function Skeleton({ rows, kind }: { rows: number; kind: 'row' | 'card' | 'line' }) {
  const words = useWords()
  return (
    <div class="skeleton" role="status" aria-label={words.loading}>
      {Array.from({ length: rows }, (_, index) => (
        <div class={`skeleton-${kind}`} key={index} />
      ))}
    </div>
  )
}
