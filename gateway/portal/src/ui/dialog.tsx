import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { createStore, useStore } from '../store'
import { Button } from './button'

type Properties = {
  title: string
  children: ComponentChildren
  actions: ComponentChildren
  onClose: () => void
  wide?: boolean
}

/** A modal dialog: the browser keeps the focus inside and gives it back. Escape closes it. */
export function Dialog({ title, children, actions, onClose, wide }: Properties) {
  const element = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const dialog = element.current
    const opener = document.activeElement
    dialog?.showModal()
    return () => {
      dialog?.close()
      if (opener instanceof HTMLElement) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={element}
      class={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <h2 id={titleId} tabIndex={-1} autofocus>
        {title}
      </h2>
      <div class="dialog-body">{children}</div>
      <div class="dialog-actions">{actions}</div>
    </dialog>
  )
}

type Question = {
  title: string
  text: ComponentChildren
  yes: string
  no: string
  danger?: boolean
}

const asked = createStore<(Question & { answer: (yes: boolean) => void }) | null>(null)

/** Ask before something that can't be taken back. Closing the dialog means no. */
export function confirm(question: Question): Promise<boolean> {
  asked.get()?.answer(false)
  return new Promise((resolve) => {
    asked.set({
      ...question,
      answer: (yes) => {
        asked.set(null)
        resolve(yes)
      },
    })
  })
}

export function QuestionDialog() {
  const question = useStore(asked)
  if (!question) return null
  return (
    <Dialog
      title={question.title}
      onClose={() => question.answer(false)}
      actions={
        <>
          <Button onClick={() => question.answer(false)}>{question.no}</Button>
          <Button
            kind={question.danger ? 'danger' : 'primary'}
            onClick={() => question.answer(true)}
          >
            {question.yes}
          </Button>
        </>
      }
    >
      <p>{question.text}</p>
    </Dialog>
  )
}
