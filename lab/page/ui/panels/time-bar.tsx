import { useRef } from 'preact/hooks'
import type { Interesting } from '../../board/board.ts'
import type { BoardHistory, MarkView } from '../../board/view.ts'
import { memo } from '../parts/memo.tsx'
import { type Page, usePage, usePainter } from '../run/page.ts'

export const SPEEDS: readonly (readonly [number, string])[] = [
  [0.02, '1/50'],
  [0.05, '1/20'],
  [0.1, '1/10'],
  [0.25, '1/4'],
  [1, '1'],
  [10, '10'],
  [100, '100'],
]

export const JUMPS: readonly (readonly [Interesting, string, string])[] = [
  ['reconfiguration', 'reconfiguration', 'r'],
  ['dirty-read', 'dirty read', 'd'],
  ['election', 'election', 'e'],
]

export async function jumpTo(page: Page, what: Interesting, text: string): Promise<void> {
  const found = await page.runner.jump(what)
  if (!found && page.runner.error === null)
    page.runner.fail(
      `No ${text} came in the next minute of this run. Make one: crash something, or read where something is dirty.`,
    )
}

const MARKS_MAX = 300

/** Moves in small leaps, so that marks are not drawn again each time that the end has moved by a hair. */
function coarse(spanMs: number): number {
  const leap = 10 ** Math.floor(Math.log10(Math.max(1, spanMs))) / 100
  return Math.ceil(spanMs / leap) * leap
}

const Marks = memo(({ marks, spanMs }: { readonly marks: readonly MarkView[]; readonly spanMs: number }) => (
  <svg class="scrub-marks" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
    {marks.slice(-MARKS_MAX).map(({ atMs, kind }, i) => (
      <rect
        key={`${atMs} ${kind} ${i}`}
        class={kind}
        x={spanMs === 0 ? 0 : (atMs / spanMs) * 996}
        y="0"
        width="2.5"
        height="10"
      />
    ))}
  </svg>
))

function Scrub({ history }: { readonly history: BoardHistory }) {
  const { runner } = usePage()
  const input = useRef<HTMLInputElement>(null)
  const time = useRef<HTMLOutputElement>(null)
  let max = -1
  let said = ''
  usePainter((nowMs) => {
    const { spanMs } = runner.history
    if (input.current !== null) {
      if (spanMs !== max) input.current.max = String(Math.max(1, spanMs))
      max = spanMs
      input.current.value = String(nowMs)
      const spoken = `${(nowMs / 1000).toFixed(runner.playing ? 0 : 3)} seconds`
      if (spoken !== said) input.current.setAttribute('aria-valuetext', spoken)
      said = spoken
    }
    if (time.current !== null) time.current.textContent = `${(nowMs / 1000).toFixed(3)} s`
  }, [])
  return (
    <div class="scrub">
      <output ref={time} class="time" aria-label="virtual time" />
      <div class="scrub-track">
        <Marks marks={history.marks} spanMs={coarse(history.spanMs)} />
        <input
          ref={input}
          type="range"
          min="0"
          step="any"
          aria-label="moment that is shown"
          onInput={(event) => {
            runner.pause()
            void runner.seek(Number(event.currentTarget.value))
          }}
        />
      </div>
    </div>
  )
}

export function TimeBar() {
  const page = usePage()
  const { runner } = page
  const { playing } = runner
  return (
    <fieldset class="time-bar" aria-label="time">
      <button
        type="button"
        class="play"
        aria-label={playing ? 'pause' : 'play'}
        title={`${playing ? 'pause' : 'play'} (space)`}
        onClick={() => (playing ? runner.pause() : runner.play())}
      >
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d={playing ? 'M5 4H8.5V16H5ZM11.5 4H15V16H11.5Z' : 'M6 3.5L16 10L6 16.5Z'} />
        </svg>
      </button>
      <button type="button" title="the next event that matters (.)" onClick={() => void runner.step()}>
        Step
      </button>
      <label class="speed">
        <span>speed</span>
        <select
          value={String(runner.speed)}
          title="[ slower, ] faster"
          onChange={(event) => runner.setSpeed(Number(event.currentTarget.value))}
        >
          {SPEEDS.map(([speed, text]) => (
            <option key={speed} value={String(speed)}>
              {text}×
            </option>
          ))}
        </select>
      </label>
      <Scrub history={runner.history} />
      {!runner.isLive && (
        <button type="button" class="to-now" onClick={() => void runner.seek(Number.MAX_SAFE_INTEGER)}>
          To now
        </button>
      )}
      <span class="jumps">
        <span class="jumps-label">to the next</span>
        {JUMPS.map(([what, text, key]) => (
          <button
            key={what}
            type="button"
            title={`run to the next ${text} (${key})`}
            onClick={() => void jumpTo(page, what, text)}
          >
            {text}
          </button>
        ))}
      </span>
    </fieldset>
  )
}
