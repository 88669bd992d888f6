import { useState } from 'preact/hooks'
import type { ArrowView, BoardVerdict, BoardView } from '../../board/view.ts'
import { useWidth } from '../parts/use-width.ts'
import { usePage, usePainter } from '../run/page.ts'
import {
  drawSpaceTime,
  heightOf,
  momentAt,
  type Paint,
  paintOf,
  type Row,
  type Span,
} from './space-time-drawing.ts'

const WIDTHS = [50, 100, 250, 500, 1000, 3000, 10_000, 60_000]
const LISTED = 12
const KEYS: Readonly<Record<string, number>> = { ArrowLeft: 0.2, ArrowRight: -0.2 }

/** Some seconds of the visitor's life. */
const zoomFor = (speed: number): number => {
  const place = WIDTHS.findIndex((width) => width >= speed * 5000)
  return place < 0 ? WIDTHS.length - 1 : place
}

const timeText = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`)

const rowsOf = ({ clients, servers, coordinators }: BoardView): readonly Row[] => [
  ...clients.map(({ name, state, operations }) => ({ name, isDown: state === 'crashed', operations })),
  ...[...servers, ...coordinators].map(({ name, state }) => ({
    name,
    isDown: state === 'crashed',
    operations: [],
  })),
]

/** Who sent what when; it grows as the run does. Dragging or the arrow keys look at what was before. */
export function SpaceTime({ view, verdict }: { readonly view: BoardView; readonly verdict: BoardVerdict }) {
  const page = usePage()
  const { runner } = page
  const { root: canvas, width } = useWidth<HTMLCanvasElement>()
  /** Null: as fits the speed. */
  const [chosen, setZoom] = useState<number | null>(null)
  const zoom = chosen ?? zoomFor(runner.speed)
  /** How far the right edge is behind now. */
  const [back, setBack] = useState(0)
  const widthMs = WIDTHS[zoom] ?? 500
  const spanAt = (nowMs: number): Span => {
    const toMs = Math.max(widthMs, nowMs + widthMs * 0.06) - back
    return { fromMs: toMs - widthMs, toMs }
  }
  const names = rowsOf(view).map(({ name }) => name)
  const height = heightOf(names.length)
  let paint: Paint | null = null
  let odd = false
  usePainter(
    (nowMs) => {
      const { board } = runner
      odd = !odd
      // Every other frame while it runs: that is enough for a diagram.
      if (canvas.current === null || board === null || (runner.playing && odd)) return
      paint ??= paintOf(canvas.current)
      const span = spanAt(nowMs)
      const arrows = board.arrows(span.fromMs, Math.min(span.toMs, nowMs))
      const marks = board.history.marks.filter(({ atMs }) => atMs >= span.fromMs && atMs <= nowMs)
      drawSpaceTime(
        canvas.current,
        {
          width,
          height,
          rows: rowsOf(board.view),
          arrows,
          marks,
          span,
          nowMs,
          routine: page.state.routine,
          culprits: new Set(verdict.culprits),
          timeText,
        },
        paint,
      )
    },
    [names.join(), width, widthMs, back, page.state.shade, verdict, page.state.routine, page.state.lecture],
  )
  const move = (ms: number) => setBack(Math.max(0, Math.min(runner.nowMs, back + ms)))
  const onKey = (event: KeyboardEvent) => {
    const share = KEYS[event.key]
    if (share === undefined) return
    event.preventDefault()
    move(share * widthMs)
  }
  const onClick = (event: MouseEvent) => {
    const atMs = momentAt(event.offsetX, width, spanAt(runner.nowMs))
    if (atMs === null) return
    setBack(0)
    void runner.goTo(atMs)
  }
  return (
    <div class="space-time">
      <Tools
        widthMs={widthMs}
        atEnd={back === 0}
        onZoom={(by) => setZoom(Math.max(0, Math.min(WIDTHS.length - 1, zoom + by)))}
        onMove={(by) => move(by * widthMs)}
      />
      <canvas
        ref={canvas}
        style={{ height: `${height}px` }}
        tabIndex={0}
        role="img"
        aria-label="space-time diagram: a row for each process, an arrow for each message"
        onKeyDown={onKey}
        onClick={onClick}
      />
      {!runner.playing && (
        <Recent arrows={runner.board?.arrows(runner.nowMs - widthMs, runner.nowMs) ?? []} />
      )}
    </div>
  )
}

function Tools(props: {
  readonly widthMs: number
  readonly atEnd: boolean
  readonly onZoom: (by: number) => void
  readonly onMove: (by: number) => void
}) {
  const { widthMs, atEnd, onZoom, onMove } = props
  const page = usePage()
  return (
    <div class="space-time-tools">
      <button type="button" onClick={() => onZoom(-1)} aria-label="closer">
        +
      </button>
      <button type="button" onClick={() => onZoom(1)} aria-label="farther">
        −
      </button>
      <button type="button" onClick={() => onMove(0.5)} aria-label="earlier">
        ←
      </button>
      <button type="button" onClick={() => onMove(-0.5)} aria-label="later" disabled={atEnd}>
        →
      </button>
      <span class="hint">
        {widthMs < 1000 ? `${widthMs} ms` : `${widthMs / 1000} s`} across; click to go to a moment
      </span>
      <label class="check">
        <input
          type="checkbox"
          checked={page.state.routine}
          onChange={(event) => page.set({ routine: event.currentTarget.checked })}
        />
        heartbeats, too
      </label>
    </div>
  )
}

/** The same in words, for those who cannot see it. */
function Recent({ arrows }: { readonly arrows: readonly ArrowView[] }) {
  const last = arrows.filter(({ routine }) => !routine).slice(-LISTED)
  return (
    <ol class="sr" aria-label="latest messages">
      {last.map(({ id, label, from, to, sentMs, lost }) => (
        <li key={id}>
          {sentMs.toFixed(1)} ms: {label}, {from} to {to}
          {lost ? ', lost' : ''}
        </li>
      ))}
    </ol>
  )
}
