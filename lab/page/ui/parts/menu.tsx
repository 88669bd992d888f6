import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

interface MenuProps {
  readonly label: ComponentChildren
  /** For those who do not see the label's place. */
  readonly name: string
  readonly class?: string
  readonly children: ComponentChildren
}

/** A button that opens a small panel. Escape, a click elsewhere, or a choice in it closes it. */
export function Menu({ label, name, class: kind = '', children }: MenuProps) {
  const [open, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (!open) return
    const onPointer = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false)
    }
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      setOpen(false)
      button.current?.focus()
    }
    document.addEventListener('pointerdown', onPointer)
    document.addEventListener('keydown', onKey)
    return () => {
      document.removeEventListener('pointerdown', onPointer)
      document.removeEventListener('keydown', onKey)
    }
  }, [open])
  const onChoice = (event: Event) => {
    if ((event.target as HTMLElement).closest('[data-closes]') !== null) {
      setOpen(false)
      button.current?.focus()
    }
  }
  return (
    <div class={`menu ${kind}`} ref={root}>
      <button
        type="button"
        ref={button}
        aria-expanded={open}
        aria-label={name}
        title={name}
        onClick={() => setOpen(!open)}
      >
        {label}
      </button>
      {open && (
        // biome-ignore lint/a11y/noStaticElementInteractions: only watches for the buttons in it
        // biome-ignore lint/a11y/useKeyWithClickEvents: a button's key press is a click
        <div class="menu-panel" onClick={onChoice}>
          {children}
        </div>
      )}
    </div>
  )
}

export function Choice(props: {
  readonly onChoose: () => void
  readonly children: ComponentChildren
  readonly danger?: boolean
}) {
  return (
    <button
      type="button"
      data-closes
      class={props.danger === true ? 'choice danger' : 'choice'}
      onClick={props.onChoose}
    >
      {props.children}
    </button>
  )
}
