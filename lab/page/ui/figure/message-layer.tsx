import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { MessageView } from '../../board/view.ts'
import { usePage, usePainter } from '../run/page.ts'
import { type Curve, curveOf, type Layout, pathText, pointOn } from './geometry.ts'
import { Inspector } from './inspector.tsx'

/** With more than these, labels would only hide each other. */
const LABELS_MAX = 24
const LINES_MAX = 3
const LINE = 12
const LINE_CHARACTERS = 24
/** Without motion, a message stands in the middle of its way. */
const STILL = 0.5
const SHAPES: Readonly<Record<MessageView['plane'], string>> = {
  chain: 'M-6 0A6 6 0 1 0 6 0A6 6 0 1 0 -6 0Z',
  client: 'M-5 -5H5V5H-5Z',
  raft: 'M0 -7L7 0L0 7L-7 0Z',
  zookeeper: 'M0 -6L6 5H-6Z',
}

const CALM = matchMedia('(prefers-reduced-motion: reduce)')

function progress({ sentMs, dueMs, held }: MessageView, nowMs: number): number {
  if (held === 'cut' || held === 'connecting') return 0.12
  if (dueMs === null || held !== null) return STILL
  return dueMs <= sentMs ? 1 : Math.max(0, Math.min(1, (nowMs - sentMs) / (dueMs - sentMs)))
}

interface Drawn {
  readonly message: MessageView
  readonly curve: Curve
  /** Messages of one way that would lie on each other stand a little apart. */
  readonly offset: number
}

function drawnOf(messages: readonly MessageView[], layout: Layout): readonly Drawn[] {
  const counts = new Map<string, number>()
  return messages.map((message) => {
    const way = `${message.from} ${message.to} ${message.held}`
    const count = counts.get(way) ?? 0
    counts.set(way, count + 1)
    return {
      message,
      curve: curveOf(layout, message.from, message.to),
      offset: message.held === null ? 0 : count % 8,
    }
  })
}

function describe({ label, from, to, held }: MessageView): string {
  const how = held === null ? '' : held === 'visitor' ? ', held' : `, ${held}`
  return `${label}, ${from} to ${to}${how}`
}

export function MessageLayer({
  messages,
  layout,
}: {
  readonly messages: readonly MessageView[]
  readonly layout: Layout
}) {
  const page = usePage()
  const [hovered, setHovered] = useState<number | null>(null)
  const groups = useRef(new Map<number, SVGGElement>())
  const { routine, pinned } = page.state
  const drawn = useMemo(
    () => drawnOf(routine ? messages : messages.filter((message) => !message.routine), layout),
    [messages, layout, routine],
  )
  const still = CALM.matches
  usePainter(
    (nowMs) => {
      for (const { message, curve, offset } of drawn) {
        const { x, y } = pointOn(curve, still ? STILL : progress(message, nowMs))
        groups.current.get(message.id)?.setAttribute('transform', `translate(${x} ${y + offset * 13})`)
      }
    },
    [drawn, still],
  )
  const find = (id: number | null) => drawn.find(({ message }) => message.id === id) ?? null
  const chosen = find(pinned) ?? find(hovered)
  useEffect(() => {
    if (pinned !== null && find(pinned) === null) page.set({ pinned: null })
  })
  const labelled = drawn.length <= LABELS_MAX
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: there is no fieldset inside a drawing */}
      <svg
        class="messages"
        width={layout.width}
        height={layout.height}
        aria-label="messages on their way"
        role="group"
      >
        {chosen !== null && <path class="way" d={pathText(chosen.curve)} />}
        {drawn.map(({ message, curve }) => (
          <Dot
            key={message.id}
            message={message}
            labelled={labelled || message.id === chosen?.message.id}
            below={curve.from.y === curve.to.y && curve.from.x > curve.to.x}
            pinned={message.id === pinned}
            hold={(group) => {
              if (group === null) groups.current.delete(message.id)
              else groups.current.set(message.id, group)
            }}
            onHover={(on) => setHovered(on ? message.id : null)}
            onPin={() => page.set({ pinned: message.id === pinned ? null : message.id })}
          />
        ))}
      </svg>
      {chosen !== null && (
        <Inspector
          message={chosen.message}
          at={pointOn(chosen.curve, 0.5)}
          layout={layout}
          pinned={chosen.message.id === pinned}
        />
      )}
    </>
  )
}

interface DotProps {
  readonly message: MessageView
  readonly labelled: boolean
  readonly below: boolean
  readonly pinned: boolean
  readonly hold: (group: SVGGElement | null) => void
  readonly onHover: (on: boolean) => void
  readonly onPin: () => void
}

function Dot({ message, labelled, below, pinned, hold, onHover, onPin }: DotProps) {
  const { plane, held, label, routine } = message
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no button inside a drawing
    <g
      ref={hold}
      class={`dot ${plane} ${held === null ? '' : 'held'} ${pinned ? 'pinned' : ''} ${routine ? 'routine' : ''}`}
      role="button"
      tabindex={0}
      aria-pressed={pinned}
      aria-label={describe(message)}
      onPointerEnter={() => onHover(true)}
      onPointerLeave={() => onHover(false)}
      onFocus={() => onHover(true)}
      onBlur={() => onHover(false)}
      onClick={onPin}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        event.stopPropagation()
        onPin()
      }}
    >
      <circle class="reach" r="13" />
      <path class="shape" d={SHAPES[plane]} />
      {held !== null && <path class="bars" d="M-2 -3V3M2 -3V3" />}
      {labelled && !routine && <Label label={label} below={below} />}
    </g>
  )
}

/** Beneath a message that goes back, above all others: so those of two lanes do not meet. */
function Label({ label, below }: { readonly label: string; readonly below: boolean }) {
  const lines = label.split(', ')
  const shown =
    lines.length > LINES_MAX
      ? [...lines.slice(0, LINES_MAX - 1), `and ${lines.length - LINES_MAX + 1} more`]
      : lines
  return (
    <text text-anchor="middle">
      {shown.map((line, i) => (
        <tspan key={`${i} ${line}`} x="0" y={below ? 19 + i * LINE : -11 - (shown.length - 1 - i) * LINE}>
          {line.length > LINE_CHARACTERS ? `${line.slice(0, LINE_CHARACTERS - 1)}…` : line}
        </tspan>
      ))}
    </text>
  )
}
