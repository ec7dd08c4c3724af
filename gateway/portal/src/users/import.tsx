import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { ask, Failure } from '../graph/client'
import {
  ImportUsersDocument,
  UserImportSeenDocument,
  type UserImportSeenQuery,
} from '../graph/generated'
import { explain, type Problem } from '../problems'
import type { Organization } from '../session'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { announce } from '../ui/toasts'
import { useWords } from '../words'
import { textOf } from './import-file'

type Seen = NonNullable<UserImportSeenQuery['userImport']>
type Mode = 'DRY_RUN' | 'ALL_OR_NOTHING' | 'GOOD_ROWS'

type Stage =
  | { name: 'choosing'; problems: string[] }
  | { name: 'working'; mode: Mode; seen: Seen | null }
  | { name: 'ended'; mode: Mode; seen: Seen }

const LOOK_AGAIN_MS = 700

type Properties = {
  organization: Organization
  onClose: () => void
  onCreated: () => Promise<void>
}

/** Users from a file: choose it, see what would come of each row, create them, see what came. */
export function ImportDialog({ organization, onClose, onCreated }: Properties) {
  const words = useWords()
  const labels = words.users.import
  const [stage, setStage] = useState<Stage>({ name: 'choosing', problems: [] })
  const [text, setText] = useState<string | null>(null)
  const open = useRef(true)
  useEffect(() => () => void (open.current = false), [])
  const element = useRef<HTMLDivElement>(null)
  const shown = useRef(stage.name)
  useEffect(() => {
    // The button that had the focus is gone: go on at the dialog's heading.
    if (shown.current !== stage.name)
      element.current?.closest('dialog')?.querySelector('h2')?.focus()
    shown.current = stage.name
  }, [stage.name])

  const choose = async (file: File | undefined) => {
    setText(null)
    if (!file) return
    const read = await textOf(file)
    if ('problem' in read) {
      setStage({ name: 'choosing', problems: [labels.unreadable[read.problem]] })
      return
    }
    setStage({ name: 'choosing', problems: [] })
    setText(read.text)
  }

  const begin = async (mode: Mode) => {
    if (text === null) return
    setStage({ name: 'working', mode, seen: null })
    try {
      const input = { organizationId: organization.id, csv: text, mode }
      const { userImport, userErrors } = (await ask(ImportUsersDocument, { input })).importUsers
      if (!userImport) {
        // What is wrong with a file is told by line and column, which only the gateway knows.
        const said = userErrors.map((problem) =>
          problem.path[0] === 'csv' ? problem.message : explain(problem, words),
        )
        setStage({ name: 'choosing', problems: said })
        return
      }
      await follow(userImport.id, mode)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      if (open.current) {
        setStage({ name: 'choosing', problems: [words.failures[error.kind].text] })
      }
    }
  }

  const follow = async (id: string, mode: Mode) => {
    while (open.current) {
      const seen = (await ask(UserImportSeenDocument, { id })).userImport
      if (!open.current) return
      if (!seen) {
        setStage({ name: 'choosing', problems: [words.problems.codes.NOT_FOUND] })
        return
      }
      if (seen.status === 'FINISHED' || seen.status === 'FAILED') {
        setStage({ name: 'ended', mode, seen })
        if (seen.rowsCreated > 0) await onCreated()
        return
      }
      setStage({ name: 'working', mode, seen })
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
  }

  const close = () => {
    if (stage.name === 'working' && stage.mode !== 'DRY_RUN') {
      announce(labels.goesOn, 'information')
    }
    onClose()
  }

  const ready = stage.name === 'ended' ? stage.seen.rowsTotal - stage.seen.rowsRefused : 0
  const canCreate =
    stage.name === 'ended' &&
    stage.mode === 'DRY_RUN' &&
    stage.seen.status === 'FINISHED' &&
    ready > 0
  return (
    <Dialog
      wide
      title={labels.title}
      onClose={close}
      actions={
        <>
          <Button onClick={close}>{stage.name === 'choosing' ? words.cancel : words.close}</Button>
          {stage.name === 'choosing' && (
            <Button
              kind="primary"
              icon="check"
              reason={text === null ? labels.chooseFirst : null}
              onClick={() => begin('DRY_RUN')}
            >
              {labels.check}
            </Button>
          )}
          {stage.name === 'ended' && (
            <Button
              icon="upload"
              onClick={() => {
                setText(null)
                setStage({ name: 'choosing', problems: [] })
              }}
            >
              {labels.another}
            </Button>
          )}
          {canCreate && (
            <Button
              kind="primary"
              icon="people"
              onClick={() => begin(stage.seen.rowsRefused ? 'GOOD_ROWS' : 'ALL_OR_NOTHING')}
            >
              {stage.seen.rowsRefused ? labels.createGood(ready) : labels.create(ready)}
            </Button>
          )}
        </>
      }
    >
      <div ref={element} />
      {stage.name === 'choosing' && <Choosing problems={stage.problems} onChoose={choose} />}
      {stage.name === 'working' && <Progress mode={stage.mode} seen={stage.seen} />}
      {stage.name === 'ended' && <Report mode={stage.mode} seen={stage.seen} />}
    </Dialog>
  )
}

type ChoosingProperties = { problems: string[]; onChoose: (file: File | undefined) => void }

function Choosing({ problems, onChoose }: ChoosingProperties) {
  const labels = useWords().users.import
  const id = useId()
  return (
    <>
      <p>{labels.explanation}</p>
      <p class="import-columns">
        <code>firstName,lastName,microsoftAccount,primaryEmailAddress,roles</code>
      </p>
      <p>{labels.roles}</p>
      <div class="field import-file">
        <label for={id}>{labels.file}</label>
        <input
          id={id}
          type="file"
          accept=".csv,.txt,text/csv"
          aria-describedby={problems.length > 0 ? `${id}-problems` : undefined}
          aria-invalid={problems.length > 0 ? 'true' : undefined}
          onChange={(event) => onChoose(event.currentTarget.files?.[0])}
        />
      </div>
      {problems.length > 0 && (
        <ul class="results" id={`${id}-problems`} role="alert">
          {problems.map((problem) => (
            <li key={problem}>
              <span>{problem}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function Progress({ mode, seen }: { mode: Mode; seen: Seen | null }) {
  const labels = useWords().users.import
  const id = useId()
  const done = seen ? (mode === 'GOOD_ROWS' ? seen.rowsCreated : seen.rowsChecked) : 0
  const label = mode === 'DRY_RUN' ? labels.checking : labels.creating
  const total = seen?.rowsTotal
  return (
    <div class="import-progress">
      <p id={id}>{label}</p>
      <progress aria-labelledby={id} max={total} value={total && done < total ? done : undefined} />
      <p role="status">{total ? labels.progress(done, total) : ''}</p>
    </div>
  )
}

function Report({ mode, seen }: { mode: Mode; seen: Seen }) {
  const words = useWords()
  const labels = words.users.import
  const { rowsCreated, rowsRefused, rowsTotal } = seen
  const refused = seen.rows.nodes
  return (
    <>
      <p class="result-summary" role="status">
        {seen.status === 'FAILED'
          ? labels.failed(seen.problem ?? '', rowsCreated)
          : mode === 'DRY_RUN'
            ? labels.report(rowsTotal - rowsRefused, rowsRefused)
            : labels.done(rowsCreated, rowsRefused)}
      </p>
      {refused.length > 0 && (
        <>
          <h3>{labels.refused(rowsRefused)}</h3>
          <ul class="results">
            {refused.map(({ line, microsoftAccount, userErrors }) => (
              <li key={line}>
                <strong>{labels.line(line, microsoftAccount)}</strong>
                <span>{userErrors.map((problem) => labelled(problem)).join(' ')}</span>
              </li>
            ))}
          </ul>
          {rowsRefused > refused.length && <p>{labels.more(rowsRefused - refused.length)}</p>}
        </>
      )}
    </>
  )

  function labelled(problem: Problem): string {
    const fields: Record<string, string> = labels.columns
    const column = problem.path[0] && (fields[problem.path[0]] ?? problem.path[0])
    const isRole = problem.code === 'NOT_FOUND' && problem.path[0] === 'roles'
    const said = isRole ? problem.message : explain(problem, words)
    return column && !said.startsWith(column) ? `${column}: ${said}` : said
  }
}
