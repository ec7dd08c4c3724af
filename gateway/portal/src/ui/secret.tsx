import { useWords } from '../words'
import { Button } from './button'
import { Dialog } from './dialog'
import { TextField } from './field'
import { announce } from './toasts'

export type SecretWords = {
  made: string
  once: string
  secret: string
  copied: string
  copyYourself: string
  closeBelow: string
  usage: string
}

type Properties = { secret: string; labels: SecretWords; onClose: () => void }

/** The one time that a secret can be seen: only its button closes the dialog. */
export function SecretDialog({ secret, labels, onClose }: Properties) {
  const words = useWords()
  const copy = async () => {
    const field = document.getElementById('field-secret')
    if (field instanceof HTMLInputElement) field.select()
    try {
      // It is missing where a test install is reached by plain http.
      await navigator.clipboard.writeText(secret)
      announce(labels.copied)
    } catch {
      announce(labels.copyYourself, 'information')
    }
  }
  return (
    <Dialog
      title={labels.made}
      onClose={() => announce(labels.closeBelow, 'information')}
      actions={
        <Button kind="primary" onClick={onClose}>
          {words.done}
        </Button>
      }
    >
      <p>{labels.once}</p>
      <div class="secret">
        <TextField label={labels.secret} name="secret" value={secret} readOnly />
        <Button onClick={copy}>{words.copy}</Button>
      </div>
      <p class="hint">{labels.usage}</p>
    </Dialog>
  )
}
