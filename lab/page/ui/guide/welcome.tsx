import { CHAPTERS } from '../../chapters/chapters.ts'
import { usePage } from '../run/page.ts'
import { openChapter } from './open-scenario.ts'

const LEGEND: readonly (readonly [string, string])[] = [
  ['chain', 'between replicas'],
  ['client', 'clients and servers'],
  ['raft', 'between coordinators'],
  ['zookeeper', 'with a coordinator'],
]
const SHAPES: Readonly<Record<string, string>> = {
  chain: 'M3 8A5 5 0 1 0 13 8A5 5 0 1 0 3 8Z',
  client: 'M3 3H13V13H3Z',
  raft: 'M8 1L15 8L8 15L1 8Z',
  zookeeper: 'M8 2L14 13H2Z',
}

/** What is to be seen, what each sign means, and three things to try. */
export function Welcome() {
  const page = usePage()
  const { runner } = page
  return (
    <article>
      <p class="chapter-number">Begin here</p>
      <h2>A chain, while it runs</h2>
      <p class="summary">
        What you see here is the real store: the code that runs on servers, in a simulated network, in this
        page. A write enters at the head and walks to the tail; any replica answers reads.
      </p>
      <ol class="scenarios">
        <li class="scenario">
          <button
            type="button"
            class="primary"
            onClick={() => {
              void runner.act({
                type: 'client',
                client: 'client-1',
                op: { type: 'put', key: 'x', value: '1' },
              })
              runner.setSpeed(0.05)
              runner.play()
            }}
          >
            <span aria-hidden="true">▶</span> Write x = 1, slowly
          </button>
        </li>
        <li class="scenario">
          <button
            type="button"
            class="primary"
            onClick={() => {
              void runner.act({ type: 'client', client: 'client-2', op: { type: 'get', key: 'x' } })
              runner.play()
            }}
          >
            <span aria-hidden="true">▶</span> Read x from anywhere
          </button>
        </li>
        <li class="scenario">
          <button
            type="button"
            class="primary"
            onClick={() => {
              const tail = runner.view?.configs[0]?.members.at(-1)?.server
              if (tail !== undefined) void runner.act({ type: 'crash', node: tail })
              runner.setSpeed(1)
              runner.play()
            }}
          >
            <span aria-hidden="true">▶</span> Crash the tail, and watch the chain mend
          </button>
        </li>
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
            <svg class={`legend-shape dot ${plane}`} viewBox="0 0 16 16" aria-hidden="true">
              <path class="shape" d={SHAPES[plane] ?? ''} />
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
