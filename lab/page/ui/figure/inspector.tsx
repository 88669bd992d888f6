import type { Action } from '../../board/action.ts'
import type { MessageView } from '../../board/view.ts'
import { usePage } from '../run/page.ts'
import type { Layout, Point } from './geometry.ts'

const WIDTH = 280
const FIELDS_MAX = 14
const OTHERS_MAX = 8

/** All fields of a message; of a pinned one, what can be done to it. */
export function Inspector(props: {
  readonly message: MessageView
  /** Of the same way, itself among them: some may be hidden behind it. */
  readonly others: readonly MessageView[]
  readonly at: Point
  readonly layout: Layout
  readonly pinned: boolean
}) {
  const { message, others, at, layout, pinned } = props
  const page = usePage()
  const { runner } = page
  const act = (action: Omit<Extract<Action, { type: 'message' }>, 'type' | 'id'>) =>
    void runner.act({ type: 'message', id: message.id, ...action })
  const left = Math.max(4, Math.min(layout.width - WIDTH - 4, at.x - WIDTH / 2))
  const below = at.y < layout.height * 0.55
  const place = below ? { top: `${at.y + 26}px` } : { bottom: `${layout.height - at.y + 30}px` }
  return (
    <aside
      class={`inspector ${pinned ? 'pinned' : ''}`}
      style={{ left: `${left}px`, width: `${WIDTH}px`, ...place }}
      aria-label={`message ${message.id}`}
    >
      <p class="inspector-title">
        <b>{message.label}</b>
        <span>
          {message.from} → {message.to}
        </span>
      </p>
      <dl>
        {message.fields.slice(0, FIELDS_MAX).map(({ name, value }, i) => (
          <div key={`${name} ${i}`}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {message.fields.length > FIELDS_MAX && (
        <p class="hint">and {message.fields.length - FIELDS_MAX} more</p>
      )}
      <p class="hint">
        sent at {message.sentMs.toFixed(1)} ms
        {message.held === null
          ? ''
          : message.held === 'visitor'
            ? ', held by you'
            : `, waits: ${message.held}`}
      </p>
      {pinned ? (
        <div class="choices">
          <button type="button" onClick={() => act({ do: 'deliver' })}>
            Deliver now
          </button>
          <button type="button" onClick={() => act({ do: 'hold' })}>
            Hold
          </button>
          <button type="button" onClick={() => act({ do: 'delay', byMs: 100 })}>
            Delay 100 ms
          </button>
          <button type="button" class="danger" onClick={() => act({ do: 'drop' })}>
            Drop
          </button>
          <button type="button" class="quiet" onClick={() => page.set({ pinned: null })}>
            Unpin
          </button>
        </div>
      ) : (
        <p class="hint">Click it, or press Enter, to stop, delay or drop it.</p>
      )}
      {pinned && <Others messages={others.filter(({ id }) => id !== message.id)} />}
    </aside>
  )
}

/** Those that go the same way, some of them hidden behind the one that is shown. */
function Others({ messages }: { readonly messages: readonly MessageView[] }) {
  const page = usePage()
  if (messages.length === 0) return null
  return (
    <div class="choices">
      <span class="hint">also on this way:</span>
      {messages.slice(0, OTHERS_MAX).map(({ id, label }) => (
        <button key={id} type="button" class="link" onClick={() => page.set({ pinned: id })}>
          {label}
        </button>
      ))}
      {messages.length > OTHERS_MAX && <span class="hint">and {messages.length - OTHERS_MAX} more</span>}
    </div>
  )
}
