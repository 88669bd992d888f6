import { useLayoutEffect, useMemo } from 'preact/hooks'
import type { ArrowView, Plane } from '../../board/view.ts'
import type { StageFrame, StageNode } from '../../stage/frame.ts'
import {
  drawSpaceTime,
  heightOf,
  momentAt,
  type Picture,
  paintOf,
  type Row,
  type Span,
} from '../panels/space-time-drawing.ts'
import { useWidth } from '../parts/use-width.ts'
import { usePage } from '../run/page.ts'

/** As many pictures as have room beside each other, with their labels. */
const ACROSS = 10
/** Of a picture's time, an arrow takes so much. */
const FLIGHT = 0.8

/** All pictures up to this one at once, as the board draws its runs: time goes to the right, a step for each picture. */
export function StageSpaceTime(props: {
  readonly frames: readonly StageFrame[]
  readonly at: number
  readonly onGo: (to: number) => void
}) {
  const { frames, at, onGo } = props
  const { shade } = usePage().state
  const { root, width } = useWidth<HTMLCanvasElement>()
  const arrows = useMemo(() => arrowsOf(frames), [frames])
  const nodes = frames[at]?.nodes ?? []
  const height = heightOf(nodes.length)
  const toMs = Math.max(ACROSS, at + 1.5)
  const span: Span = { fromMs: toMs - ACROSS, toMs }
  useLayoutEffect(() => {
    if (root.current === null || width === 0) return
    const picture: Picture = {
      ...{ width, height, span, marks: [], routine: true, culprits: new Set() },
      rows: nodes.map(rowOf),
      arrows: arrows.filter(({ sentMs }) => sentMs >= span.fromMs - 1),
      nowMs: at + FLIGHT,
      timeText: (step) => (Number.isInteger(step) && step < frames.length ? String(step + 1) : ''),
    }
    drawSpaceTime(root.current, picture, paintOf(root.current))
  }, [arrows, at, width, height, shade])
  if (arrows.length === 0) return null
  const onClick = (event: MouseEvent) => {
    const step = momentAt(event.offsetX, width, span)
    if (step !== null) onGo(Math.floor(step))
  }
  return (
    <div class="space-time">
      <canvas
        ref={root}
        style={{ height: `${height}px` }}
        role="img"
        aria-label="space-time diagram: a row for each machine, an arrow for each message; what it shows is told above, picture by picture"
        onClick={onClick}
      />
      <p class="hint">Time goes to the right, a step for each picture; click to go to one.</p>
    </div>
  )
}

const rowOf = ({ id, state }: StageNode): Row => ({ name: id, isDown: state === 'down', operations: [] })

function arrowsOf(frames: readonly StageFrame[]): readonly ArrowView[] {
  return frames.flatMap(({ arrows, nodes }, step) =>
    arrows.map(({ from, to, label, outcome }, i): ArrowView => {
      const isLost = outcome === 'lost'
      return {
        id: step * 1000 + i,
        ...{ from, to, label, kind: label, plane: planeOf(nodes, from, to) },
        sentMs: step,
        receivedMs: step + FLIGHT,
        lost: isLost,
        routine: false,
      }
    }),
  )
}

/** By who speaks: it decides on the colour. */
function planeOf(nodes: readonly StageNode[], ...ends: readonly string[]): Plane {
  const roles = nodes
    .filter(({ id }) => ends.includes(id))
    .map(({ role, term }) => (term === null ? role : 'raft'))
  if (roles.includes('client')) return 'client'
  return roles.includes('raft') ? 'raft' : 'chain'
}
