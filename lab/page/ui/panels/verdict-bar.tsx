import type { BoardVerdict, BoardView } from '../../board/view.ts'
import { memo } from '../parts/memo.tsx'
import { usePage } from '../run/page.ts'

const HEADINGS = {
  linearizable: ['✓', 'Linearizable so far'],
  'not-linearizable': ['✕', 'Not linearizable'],
  unknown: ['?', 'Not decided'],
} as const

/** What the judge says of what clients saw, and which promises were seen broken. */
export const VerdictBar = memo(
  ({ verdict, clients }: { readonly verdict: BoardVerdict; readonly clients: BoardView['clients'] }) => {
    const { runner } = usePage()
    const { judgement, operations, reason, violations } = verdict
    const [sign, heading] = HEADINGS[judgement]
    const all = clients.flatMap((client) =>
      client.operations.map((operation) => ({ ...operation, client: client.name })),
    )
    const culprits = verdict.culprits.flatMap((id) => all.find((operation) => operation.id === id) ?? [])
    return (
      <section class={`verdict ${judgement}`} aria-label="the judge" aria-live="polite">
        <p>
          <span class="verdict-sign" aria-hidden="true">
            {sign}
          </span>
          <b>{heading}</b>
          <span class="hint">
            {operations} {operations === 1 ? 'operation' : 'operations'} judged
          </span>
        </p>
        {reason !== null && <p class="reason">{reason}</p>}
        {culprits.length > 0 && (
          <ol class="culprits" aria-label="operations that contradict each other">
            {culprits.map((operation) => (
              <li key={operation.id}>
                <button type="button" onClick={() => void runner.goTo(operation.calledMs)}>
                  {operation.client}: {operation.text}
                  {operation.answer === null ? '' : ` → ${operation.answer}`}
                </button>
              </li>
            ))}
          </ol>
        )}
        {violations.slice(0, 3).map(({ atMs, invariant, text }) => (
          <p key={`${atMs} ${text}`} class="violation">
            <button type="button" onClick={() => void runner.goTo(atMs)}>
              ⚑ {invariant ?? 'a bug'}
            </button>{' '}
            {text}
          </p>
        ))}
      </section>
    )
  },
)
