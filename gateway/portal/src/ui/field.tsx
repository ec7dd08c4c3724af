import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { explain, type Problem } from '../problems'
import { useWords } from '../words'
import { Icon } from './icon'

type FieldProperties = {
  label: string
  /** The anchor that the list of problems leads to. */
  name: string
  value: string
  onInput?: (value: string) => void
  problems?: string[] | undefined
  hint?: ComponentChildren
  type?: 'text' | 'email' | 'url'
  autocomplete?: string
  readOnly?: boolean
  optional?: boolean
}

export function TextField(properties: FieldProperties) {
  const { label, name, value, onInput, problems = [], hint, readOnly } = properties
  const id = useId()
  const described = [hint && `${id}-hint`, problems.length > 0 && `${id}-problem`]
  return (
    <div class={problems.length > 0 ? 'field has-problem' : 'field'}>
      <label for={`field-${name}`}>{label}</label>
      <input
        id={`field-${name}`}
        name={name}
        // The gateway judges addresses; the browser only chooses the keyboard.
        type="text"
        inputMode={properties.type ?? 'text'}
        autocomplete={properties.autocomplete ?? 'off'}
        autocapitalize={properties.type && properties.type !== 'text' ? 'none' : undefined}
        spellcheck={false}
        value={value}
        readOnly={readOnly}
        aria-required={properties.optional || readOnly ? undefined : 'true'}
        aria-invalid={problems.length > 0 ? 'true' : undefined}
        aria-describedby={described.filter(Boolean).join(' ') || undefined}
        onInput={(event) => onInput?.(event.currentTarget.value)}
      />
      <FieldProblems id={`${id}-problem`} problems={problems} />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

type ProblemsProperties = { problems: string[]; id?: string; role?: 'alert' }

export function FieldProblems({ problems, ...attributes }: ProblemsProperties) {
  if (problems.length === 0) return null
  return (
    <p class="problem" {...attributes}>
      <Icon name="warning" />
      <span>{problems.join(' ')}</span>
    </p>
  )
}

/** What is wrong with a form as a whole. */
export function GeneralProblems({ problems }: { problems: Problem[] }) {
  const words = useWords()
  return (
    <FieldProblems role="alert" problems={problems.map((problem) => explain(problem, words))} />
  )
}

type SelectProperties<Value extends string> = {
  label: string
  name: string
  value: Value
  onChange: (value: Value) => void
  children: ComponentChildren
  problems?: string[]
  hint?: ComponentChildren
  hiddenLabel?: boolean
}

export function SelectField<Value extends string>(properties: SelectProperties<Value>) {
  const { label, name, value, onChange, children, problems = [], hint, hiddenLabel } = properties
  const id = useId()
  const described = [hint && `${id}-hint`, problems.length > 0 && `${id}-problem`]
  return (
    <div class={problems.length > 0 ? 'field has-problem' : 'field'}>
      <label for={`field-${name}`} class={hiddenLabel ? 'visually-hidden' : undefined}>
        {label}
      </label>
      <span class="select">
        <select
          id={`field-${name}`}
          name={name}
          value={value}
          aria-invalid={problems.length > 0 ? 'true' : undefined}
          aria-describedby={described.filter(Boolean).join(' ') || undefined}
          onChange={(event) => onChange(event.currentTarget.value as Value)}
        >
          {children}
        </select>
        <Icon name="next" />
      </span>
      <FieldProblems id={`${id}-problem`} problems={problems} />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}
