import { useAttempt } from '../graph/attempt'
import { ask } from '../graph/client'
import { type InvitationPartsFragment, RevokeInvitationsDocument } from '../graph/generated'
import { explain } from '../problems'
import { Button } from '../ui/button'
import { confirm } from '../ui/dialog'
import { Moment } from '../ui/moment'
import { announce } from '../ui/toasts'
import { useWords } from '../words'

type Properties = {
  invitation: InvitationPartsFragment
  reason: string | null
  onWithdrawn: (invitation: InvitationPartsFragment) => void
}

/** Where the invitation is, and a way to take it back while its link still works. */
export function InvitationSection({ invitation, reason, onWithdrawn }: Properties) {
  const words = useWords()
  const labels = words.users.form.invitation
  const [busy, attempt] = useAttempt()
  const pending = invitation.status === 'PENDING'

  const withdraw = async () => {
    const question = {
      title: labels.withdrawTitle,
      text: labels.withdrawText,
      yes: labels.withdraw,
      no: words.cancel,
      danger: true,
    }
    if (!(await confirm(question))) return
    await attempt(async () => {
      const { revokeInvitations } = await ask(RevokeInvitationsDocument, {
        input: { invitationIds: [invitation.id] },
      })
      const [result] = revokeInvitations.results
      const [problem] = [...revokeInvitations.userErrors, ...(result?.userErrors ?? [])]
      if (problem) announce(explain(problem, words), 'problem')
      else if (result?.invitation) {
        onWithdrawn(result.invitation)
        announce(labels.withdrawn)
      }
    })
  }
  return (
    <section class="form-section">
      <h2>{labels.title}</h2>
      <div class="invitation-facts">
        <dl class="facts">
          <dt>{words.users.columns.status}</dt>
          <dd>
            {words.users.invitationStatus[invitation.status]}
            {pending &&
              invitation.delivery !== 'SENT' &&
              ` · ${words.users.delivery[invitation.delivery]}`}
          </dd>
          <dt>{labels.sentTo}</dt>
          <dd>{invitation.sentTo}</dd>
          <dt>{labels.sent}</dt>
          <dd>
            {invitation.lastSentAt ? <Moment at={invitation.lastSentAt} /> : labels.notSent}{' '}
            {labels.times(invitation.sendCount)}
          </dd>
          {pending && invitation.deliveryDetail && (
            <>
              <dt>{labels.lastAttempt}</dt>
              <dd>{invitation.deliveryDetail}</dd>
            </>
          )}
          {pending && (
            <>
              <dt>{labels.expires}</dt>
              <dd>
                <Moment at={invitation.expiresAt} how="absolute" />
              </dd>
            </>
          )}
        </dl>
        {pending && (
          <Button busy={busy} reason={reason} onClick={withdraw}>
            {labels.withdraw}
          </Button>
        )}
      </div>
    </section>
  )
}
