import { useAnswer } from '../graph/answers'
import { EditedUserDocument } from '../graph/generated'
import { navigate, withQuery } from '../location'
import { manageable, type Organization } from '../session'
import { Button } from '../ui/button'
import { FailureNotice, Notice, Skeleton } from '../ui/states'
import { useWords } from '../words'
import { UserForm } from './form'

/** The form for a new user (`id` null) or for editing one, at an address of its own. */
export function UserFormPage({
  organization,
  id,
}: {
  organization: Organization
  id: string | null
}) {
  const words = useWords().users
  const { data, failure, reload } = useAnswer(EditedUserDocument, id === null ? null : { id })
  const backToList = () => void navigate(withQuery({ edit: null, new: null }))
  const user = data?.user

  if (id === null) {
    const roles = manageable(organization).flatMap(({ service }) => service.roles)
    return <UserForm organization={organization} user={null} available={roles} onReload={reload} />
  }
  if (user) {
    return (
      <UserForm
        organization={organization}
        user={user}
        available={user.availableRoles}
        onReload={reload}
      />
    )
  }
  return (
    <main class="page">
      {failure ? (
        <FailureNotice failure={failure} retry={reload} />
      ) : data ? (
        <Notice
          page
          icon="search"
          title={words.form.missing.title}
          actions={<Button onClick={backToList}>{words.form.back}</Button>}
        >
          <p>{words.form.missing.text}</p>
        </Notice>
      ) : (
        <>
          <header class="page-header">
            <h1>{words.form.editTitle}</h1>
          </header>
          <Skeleton rows={3} kind="card" />
        </>
      )}
    </main>
  )
}
