import { navigate, withQuery } from '../location'
import { useWords } from '../words'
import { Button } from './button'

export type PageInfo = {
  hasNextPage: boolean
  hasPreviousPage: boolean
  startCursor: string | null
  endCursor: string | null
}

export type PageArguments = {
  first: number | null
  after: string | null
  last: number | null
  before: string | null
}

/** The page that the address names; the first one when it names none. */
export function pageArguments(query: URLSearchParams, size: number): PageArguments {
  const before = query.get('before')
  if (before) return { first: null, after: null, last: size, before }
  return { first: size, after: query.get('after'), last: null, before: null }
}

export function Pager({ page, label }: { page: PageInfo; label: string }) {
  const words = useWords()
  if (!page.hasNextPage && !page.hasPreviousPage) return null
  const go = (after: string | null, before: string | null) => {
    void navigate(withQuery({ after, before }))
    window.scrollTo(0, 0)
  }
  return (
    <nav class="pager" aria-label={label}>
      <Button
        icon="previous"
        reason={page.hasPreviousPage ? null : words.firstPage}
        onClick={() => go(null, page.startCursor)}
      >
        {words.previous}
      </Button>
      <Button
        icon="next"
        class="icon-last"
        reason={page.hasNextPage ? null : words.lastPage}
        onClick={() => go(page.endCursor, null)}
      >
        {words.next}
      </Button>
    </nav>
  )
}
