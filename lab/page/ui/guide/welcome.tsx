import type { Plane } from '../../board/view.ts'
import { CHAPTERS } from '../../chapters/chapters.ts'
import { PLANE_SHAPES } from '../figure/message-dot.tsx'
import { usePage } from '../run/page.ts'
import type { Runner } from '../run/runner.ts'
import { openChapter } from './open-scenario.ts'

const LEGEND: readonly (readonly [Plane, string])[] = [
  ['chain', 'between replicas'],
  ['client', 'clients and servers'],
  ['raft', 'between coordinators'],
  ['zookeeper', 'with a coordinator'],
]

const TRIALS: readonly { readonly title: string; readonly run: (runner: Runner) => void }[] = [
  {
    title: 'Write x = 1, slowly',
    run: (runner) => {
      void runner.act({ type: 'client', client: 'client-1', op: { type: 'put', key: 'x', value: '1' } })
      runner.setSpeed(0.05)
      runner.play()
    },
  },
  {
    title: 'Read x from anywhere',
    run: (runner) => {
      void runner.act({ type: 'client', client: 'client-2', op: { type: 'get', key: 'x' } })
      runner.play()
    },
  },
  {
    title: 'Crash the tail, and watch the chain mend',
    run: (runner) => {
      const tail = runner.view?.configs[0]?.members.at(-1)?.server
      if (tail !== undefined) void runner.act({ type: 'crash', node: tail })
      runner.setSpeed(1)
      runner.play()
    },
  },
]

/** What is to be seen, what each sign means, and three things to try. */
export function Welcome() {
  const page = usePage()
  return (
    <article>
      <p class="chapter-number">Begin here</p>
      <h2>A chain, while it runs</h2>
      <p class="summary">
        What you see here is the real store: the code that runs on servers, in a simulated network, in this
        page. A write enters at the head and walks to the tail; any replica answers reads.
      </p>
      <ol class="scenarios">
        {TRIALS.map(({ title, run }) => (
          <li key={title} class="scenario">
            <button type="button" class="primary" onClick={() => run(page.runner)}>
              <span aria-hidden="true">▶</span> {title}
            </button>
          </li>
        ))}
      </ol>
      <h3>How to read the picture</h3>
      <ul class="legend">
        <li>
          <span class="version clean">
            <b>5</b>
            <small>3</small>
          </span>{' '}
          clean: committed by the tail (small: its version)
        </li>
        <li>
          <span class="version dirty">
            <b>6</b>
            <small>4</small>
          </span>{' '}
          dirty: on its way, not committed
        </li>
        <li>
          <span class="legend-mark">
            <i class="tick l" /> last
          </span>{' '}
          <span class="legend-mark">
            <i class="tick d" /> durable
          </span>{' '}
          <span class="legend-mark">
            <i class="tick c" /> commit
          </span>{' '}
          on the log
        </li>
        {LEGEND.map(([plane, text]) => (
          <li key={plane}>
            <svg class={`legend-shape dot ${plane}`} viewBox="-8 -8 16 16" aria-hidden="true">
              <path class="shape" d={PLANE_SHAPES[plane]} />
            </svg>
            messages {text}
          </li>
        ))}
      </ul>
      <p class="hint">
        Point at a message to read it. Click it to stop it, delay it, or drop it. A server’s name opens its
        faults.
      </p>
      <h3>The chapters</h3>
      <ol class="contents">
        {CHAPTERS.map(({ id, title, summary }) => (
          <li key={id}>
            <button type="button" class="link" title={summary} onClick={() => openChapter(page, id)}>
              {title}
            </button>
          </li>
        ))}
      </ol>
    </article>
  )
}
