import type { MessageView } from '../../board/view.ts'

/** Of a label's type, roughly: measuring each one would cost more than drawing it. */
export const SIZE = { character: 6.2, line: 12, halo: 4 } as const

export const PLANE_SHAPES: Readonly<Record<MessageView['plane'], string>> = {
  chain: 'M-6 0A6 6 0 1 0 6 0A6 6 0 1 0 -6 0Z',
  client: 'M-5 -5H5V5H-5Z',
  raft: 'M0 -7L7 0L0 7L-7 0Z',
  zookeeper: 'M0 -6L6 5H-6Z',
}

function describe({ label, from, to, held }: MessageView): string {
  const how = held === null ? '' : held === 'visitor' ? ', held' : `, ${held}`
  return `${label}, ${from} to ${to}${how}`
}

const LINE = '1.09em'
/** So that the centre of all lines is where the label is put. */
const firstLine = (count: number): number => 1.09 * (0.81 - count / 2)

interface MessageDotProps {
  readonly message: MessageView
  /** Of its label; none: it has no label. */
  readonly lines: readonly string[]
  readonly pinned: boolean
  /** Who moves it, puts its label somewhere, and counts those behind it. */
  readonly hold: (group: SVGGElement | null) => void
  readonly onHover: (on: boolean) => void
  readonly onPin: () => void
}

export function MessageDot({ message, lines, pinned, hold, onHover, onPin }: MessageDotProps) {
  const { plane, held, routine } = message
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
      <path class="shape" d={PLANE_SHAPES[plane]} />
      {held !== null && <path class="bars" d="M-2 -3V3M2 -3V3" />}
      {!routine && (
        <text class="label" text-anchor="middle">
          {lines.map((line, i) => (
            <tspan key={`${i} ${line}`} x="0" dy={i === 0 ? `${firstLine(lines.length)}em` : LINE}>
              {line}
            </tspan>
          ))}
          <tspan class="more" x="0" dy={lines.length === 0 ? `${firstLine(1)}em` : LINE} />
        </text>
      )}
    </g>
  )
}
