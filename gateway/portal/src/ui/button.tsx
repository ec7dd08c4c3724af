import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { Icon, type IconName } from './icon'
import { announce } from './toasts'

type Properties = {
  children: ComponentChildren
  onClick?: (() => unknown) | undefined
  kind?: 'primary' | 'plain' | 'quiet' | 'danger'
  icon?: IconName
  type?: 'button' | 'submit'
  /** The form to submit, when the button stands outside of it. */
  form?: string
  /** Why it can't be used now. The button stays reachable, so that everyone can learn the reason. */
  reason?: string | null | undefined
  /** Its work is under way: a further click does nothing. */
  busy?: boolean | undefined
  /** Where the visible text is not enough, or hidden on narrow screens. */
  label?: string
  class?: string
}

export function Button(properties: Properties) {
  const {
    children,
    onClick,
    kind = 'plain',
    icon,
    type = 'button',
    reason,
    busy,
    label,
  } = properties
  const reasonId = useId()
  const click = (event: Event) => {
    if (reason || busy) {
      event.preventDefault()
      if (reason) announce(reason, 'information')
      return
    }
    onClick?.()
  }
  return (
    <span class={`button-place ${properties.class ?? ''}`}>
      <button
        type={type}
        form={properties.form}
        class={`button ${kind}`}
        aria-disabled={reason || busy ? 'true' : undefined}
        aria-busy={busy ? 'true' : undefined}
        aria-describedby={reason ? reasonId : undefined}
        aria-label={label}
        onClick={click}
      >
        {icon && <Icon name={icon} />}
        <span class="button-text">{children}</span>
      </button>
      {reason && (
        <span class="reason" role="tooltip" id={reasonId}>
          {reason}
        </span>
      )}
    </span>
  )
}
