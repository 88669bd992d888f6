import { useRef, useState } from 'preact/hooks'
import type { ArrowView, BoardVerdict, BoardView } from '../../board/view.ts'
import { usePage, usePainter } from '../run/page.ts'
import { drawSpaceTime, LEFT, paintOf, ROW, type Span, TOP } from './space-time-drawing.ts'

const WIDTHS = [50, 100, 250, 500, 1000, 3000, 10_000, 60_000]
const LISTED = 12

/** Some seconds of the visitor's life. */
const zoomFor = (speed: number): number => {
  const place = WIDTHS.findIndex((width) => width >= speed * 5000)
  return place < 0 ? WIDTHS.length - 1 : place
}

/** Who sent what when; it grows as the run does. Dragging or the arrow keys look at what was before. */
export function SpaceTime({ view, verdict }: { readonly view: BoardView; readonly verdict: BoardVerdict }) {
  const page = usePage()
  const { runner } = page
  const canvas = useRef<HTMLCanvasElement>(null)
  /** Null: as fits the speed. */
  const [chosen, setZoom] = useState<number | null>(null)
  const zoom = chosen ?? zoomFor(runner.speed)
  /** How far the right edge is behind now. */
  const [back, setBack] = useState(0)
  const rows = [...view.clients, ...view.servers, ...view.coordinators].map(({ name }) => name)
  const widthMs = WIDTHS[zoom] ?? 500
  const spanAt = (nowMs: number): Span => {
    const toMs = Math.max(widthMs, nowMs + widthMs * 0.06) - back
    return { fromMs: toMs - widthMs, toMs }
  }
  const theme = page.state.theme
  usePainter(
    (nowMs) => {
      const { board } = runner
      if (canvas.current === null || board === null) return
      const span = spanAt(nowMs)
      const arrows = board.arrows(span.fromMs, Math.min(span.toMs, nowMs))
      const marks = board.history.marks.filter(({ atMs }) => atMs >= span.fromMs && atMs <= nowMs)
      drawSpaceTime(
        canvas.current,
        {
          view: board.view,
          rows,
          arrows,
          marks,
          span,
          nowMs,
          routine: page.state.routine,
          culprits: new Set(verdict.culprits),
        },
        paintOf(canvas.current),
      )
    },
    [rows.join(), widthMs, back, theme, verdict, page.state.routine, page.state.lecture],
  )
  const move = (ms: number) => setBack(Math.max(0, Math.min(runner.nowMs, back + ms)))
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowLeft' ? 0.2 : event.key === 'ArrowRight' ? -0.2 : 0
    if (step === 0) return
    event.preventDefault()
    move(step * widthMs)
  }
  const onClick = (event: MouseEvent) => {
    const element = canvas.current
    if (element === null || event.offsetX < LEFT) return
    const { fromMs } = spanAt(runner.nowMs)
    const share = (event.offsetX - LEFT) / (element.clientWidth - LEFT - 8)
    runner.pause()
    setBack(0)
    void runner.seek(fromMs + share * widthMs)
  }
  return (
    <div class="space-time">
      <div class="space-time-tools">
        <button type="button" onClick={() => setZoom(Math.max(0, zoom - 1))} aria-label="closer">
          +
        </button>
        <button
          type="button"
          onClick={() => setZoom(Math.min(WIDTHS.length - 1, zoom + 1))}
          aria-label="farther"
        >
          −
        </button>
        <button type="button" onClick={() => move(widthMs / 2)} aria-label="earlier">
          ←
        </button>
        <button type="button" onClick={() => move(-widthMs / 2)} aria-label="later" disabled={back === 0}>
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
      <canvas
        ref={canvas}
        style={{ height: `${TOP + ROW * rows.length + 6}px` }}
        tabIndex={0}
        role="img"
        aria-label="space-time diagram: a row for each process, an arrow for each message"
        onKeyDown={onKey}
        onClick={onClick}
      />
      <Recent arrows={runner.board?.arrows(runner.nowMs - widthMs, runner.nowMs) ?? []} />
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
