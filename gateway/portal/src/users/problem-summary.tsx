import type { Failure } from '../graph/client'
import { explain, type Problem } from '../problems'
import { Icon } from '../ui/icon'
import { useWords } from '../words'

type SummaryProperties = { problems: Problem[]; failure: Failure | null }

/** All problems at once, each leading to its field. */
export function ProblemSummary({ problems, failure }: SummaryProperties) {
  const words = useWords()
  const labels = words.users.form
  if (failure) {
    return (
      <div class="banner problem" role="alert">
        <Icon name="warning" />
        <div>
          <strong>{labels.notSaved}</strong>
          <p>
            {words.failures[failure.kind].text}{' '}
            {failure.requestId && words.failures.requestId(failure.requestId)}
          </p>
        </div>
      </div>
    )
  }
  const withField = (text: string, field: string | undefined) => {
    const name = labels.fieldNames[field as keyof typeof labels.fieldNames]
    return name && !text.startsWith(name) ? `${name}: ${text}` : text
  }
  const focus = (field: string | undefined) => {
    document.getElementById(`field-${field}`)?.focus()
  }
  return (
    <div class="banner problem" role="alert">
      <Icon name="warning" />
      <div>
        <strong>{labels.notSavedBecause(problems.length)}</strong>
        <ul>
          {problems.map((problem, index) => (
            <li key={index}>
              {document.getElementById(`field-${problem.path[0]}`) ? (
                <button type="button" class="link" onClick={() => focus(problem.path[0])}>
                  {withField(explain(problem, words), problem.path[0])}
                </button>
              ) : (
                explain(problem, words)
              )}
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}
