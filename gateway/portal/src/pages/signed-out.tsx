import { signInAddress, usePlace } from '../location'
import { useSession } from '../session'
import { Icon, Mark } from '../ui/icon'
import { useWords } from '../words'

/** What anyone sees who is not signed in; signing in leads back to the same place. */
export function SignedOutPage() {
  const words = useWords().signedOut
  const { ended } = useSession()
  const { path } = usePlace()
  return (
    <main class="page hero">
      <section class="hero-card">
        <Mark />
        <h1 tabIndex={-1}>{ended ? words.endedTitle : words.title}</h1>
        <p class="lead">{ended ? words.endedText : words.text}</p>
        <a
          class="button primary large"
          href={signInAddress(path === '/' ? '/checklist' : undefined)}
        >
          {words.signIn}
        </a>
        <p class="faint">{words.which}</p>
      </section>
      <ul class="hero-points">
        <li>
          <Icon name="list" />
          <span>{words.points.checklist}</span>
        </li>
        <li>
          <Icon name="people" />
          <span>{words.points.users}</span>
        </li>
        <li>
          <Icon name="envelope" />
          <span>{words.points.invitations}</span>
        </li>
      </ul>
    </main>
  )
}
