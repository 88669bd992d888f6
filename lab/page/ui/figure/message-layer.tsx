import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { LinkFaultView, MessageView } from '../../board/view.ts'
import { usePage, usePainter } from '../run/page.ts'
import { around, arrange, type Dot, type Place, type Rect, type Side, type Size, wrap } from './arrange.ts'
import {
  areNeighbours,
  type Curve,
  curveOf,
  dotOn,
  type Layout,
  type Point,
  pathText,
  signOn,
} from './geometry.ts'
import { Inspector } from './inspector.tsx'
import { MessageDot, SIZE } from './message-dot.tsx'

/** With more than these, labels would only flicker. */
const LABELS_MAX = 24
const LINES_MAX = 3
const LINE_CHARACTERS = 24
/** `+99` */
const MORE_CHARACTERS = 3
/** Without motion, a message stands in the middle of its way. */
const STILL = 0.5
const STUCK = 0.12
/** Held ones of one way stand beside each other; of more than these, some stand for others. */
const BESIDE_MAX = 4
const BESIDE = 15
/** Between a label and the cards at both sides. */
const EDGE = 2
const FAULT_SIGN = { width: 34, height: 15 } as const

const CALM = matchMedia('(prefers-reduced-motion: reduce)')

function progress({ sentMs, dueMs, held }: MessageView, nowMs: number): number {
  if (held === 'cut' || held === 'connecting') return STUCK
  if (dueMs === null || held !== null) return STILL
  return dueMs <= sentMs ? 1 : Math.max(0, Math.min(1, (nowMs - sentMs) / (dueMs - sentMs)))
}

interface Drawn {
  readonly message: MessageView
  readonly way: string
  readonly curve: Curve
  /** Of a held one, from where it would lie on others. */
  readonly aside: Point
  readonly lines: readonly string[]
  readonly sides: readonly Side[]
  readonly between: Dot['between']
}

function drawnOf(messages: readonly MessageView[], layout: Layout): readonly Drawn[] {
  const counts = new Map<string, number>()
  const labelled = messages.length <= LABELS_MAX
  return messages.map((message) => {
    const { from, to, held, label } = message
    const way = `${from} ${to} ${held}`
    const count = counts.get(way) ?? 0
    counts.set(way, count + 1)
    const curve = curveOf(layout, from, to)
    const along = areNeighbours(layout, from, to)
    const beside = held === null ? 0 : Math.min(count, BESIDE_MAX - 1) * BESIDE
    const gap = Math.abs(curve.to.x - curve.from.x) - 2 * EDGE
    const characters = along
      ? Math.floor((gap - SIZE.halo) / (SIZE.character * layout.scale))
      : LINE_CHARACTERS
    return {
      message,
      way,
      curve,
      aside: along ? { x: 0, y: beside } : { x: beside, y: 0 },
      lines: labelled && !message.routine ? wrap(label, { characters, linesMax: LINES_MAX }) : [],
      sides: sidesOf(curve, along),
      between: along
        ? [Math.min(curve.from.x, curve.to.x) + EDGE, Math.max(curve.from.x, curve.to.x) - EDGE]
        : null,
    }
  })
}

/** Beneath a message that goes back, above one that goes on: so those of two lanes do not meet. Between rows: beside it. */
function sidesOf(curve: Curve, along: boolean): readonly Side[] {
  if (!along) return ['right', 'left', 'above', 'below']
  return curve.from.x > curve.to.x ? ['below'] : ['above']
}

/** Of the label, with a line that says how many are behind it. */
function sizeOf({ lines, message }: Drawn, several: boolean, scale: number): Size | null {
  const count = lines.length + (several ? 1 : 0)
  if (count === 0 || message.routine) return null
  const longest = Math.max(several ? MORE_CHARACTERS : 0, ...lines.map((line) => line.length))
  return { width: longest * SIZE.character * scale + SIZE.halo, height: count * SIZE.line * scale }
}

/** What a painter has said of an element, so that it need not be said again. */
interface Held {
  readonly group: SVGGElement
  said: string
}

function paint(
  held: Held | undefined,
  at: Point,
  { behind, label, lineHeight }: Place & { readonly lineHeight: number },
): void {
  if (held === undefined) return
  const { group } = held
  group.setAttribute('transform', `translate(${at.x} ${at.y})`)
  const said = `${behind} ${label?.x} ${label?.y}`
  if (said === held.said) return
  held.said = said
  const several = behind !== null && behind > 0
  group.classList.toggle('behind', behind === null)
  group.classList.toggle('several', several)
  const text = group.querySelector('.label')
  if (text === null) return
  text.classList.toggle('nowhere', label === null)
  const more = text.querySelector('.more')
  if (more !== null) more.textContent = several ? `+${behind}` : ''
  const up = several && text.childElementCount > 1 ? lineHeight / 2 : 0
  if (label !== null) text.setAttribute('transform', `translate(${label.x} ${label.y - up})`)
}

interface MessageLayerProps {
  readonly messages: readonly MessageView[]
  readonly hidden: number
  readonly faults: readonly LinkFaultView[]
  readonly layout: Layout
}

export function MessageLayer({ messages, hidden, faults, layout }: MessageLayerProps) {
  const page = usePage()
  const [hovered, setHovered] = useState<number | null>(null)
  const groups = useRef(new Map<number, Held>())
  const { routine, pinned } = page.state
  const drawn = useMemo(
    () => drawnOf(routine ? messages : messages.filter((message) => !message.routine), layout),
    [messages, layout, routine],
  )
  const obstacles = useMemo(() => obstaclesOf(layout, faults), [layout, faults])
  const still = CALM.matches
  const find = (id: number | null) => drawn.find(({ message }) => message.id === id) ?? null
  const chosen = find(pinned) ?? find(hovered)
  usePainter(
    (nowMs) => {
      const dots = drawn.map((each): Dot => {
        const { message, way, curve, aside, sides, between } = each
        const { x, y } = dotOn(curve, still ? STILL : progress(message, nowMs))
        const label = (several: boolean) => sizeOf(each, several, layout.scale)
        const isChosen = message === chosen?.message
        return { x: x + aside.x, y: y + aside.y, way, label, sides, between, chosen: isChosen }
      })
      const lineHeight = SIZE.line * layout.scale
      for (const [i, place] of arrange(dots, obstacles, layout.width).entries()) {
        const dot = dots[i]
        if (dot !== undefined)
          paint(groups.current.get(drawn[i]?.message.id ?? -1), dot, { ...place, lineHeight })
      }
    },
    [drawn, obstacles, still, chosen?.message],
  )
  useEffect(() => {
    if (pinned !== null && find(pinned) === null) page.set({ pinned: null })
  })
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
        {drawn.map(({ message, lines }) => (
          <MessageDot
            key={message.id}
            message={message}
            lines={lines}
            pinned={message.id === pinned}
            hold={(group) => {
              if (group === null) groups.current.delete(message.id)
              else groups.current.set(message.id, { group, said: '' })
            }}
            onHover={(on) => setHovered(on ? message.id : null)}
            onPin={() => page.set({ pinned: message.id === pinned ? null : message.id })}
          />
        ))}
      </svg>
      {chosen !== null && (
        <Inspector
          message={chosen.message}
          others={drawn.filter(({ way }) => way === chosen.way).map(({ message }) => message)}
          at={dotOn(chosen.curve, STILL)}
          layout={layout}
          pinned={chosen.message.id === pinned}
        />
      )}
      {hidden > 0 && <p class="hidden-messages">and {hidden} more messages, not drawn</p>}
    </>
  )
}

/** What no label may cover. */
const obstaclesOf = (layout: Layout, faults: readonly LinkFaultView[]): readonly Rect[] => [
  ...[...layout.boxes.values()].map(({ x, y, width, height }) => ({
    left: x,
    right: x + width,
    top: y,
    bottom: y + height,
  })),
  ...faults.map(({ from, to }) => around(signOn(layout, from, to), FAULT_SIGN.width, FAULT_SIGN.height)),
]
