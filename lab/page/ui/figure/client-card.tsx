import type { ClientView, OperationView } from '../../board/view.ts'
import { memo } from '../parts/memo.tsx'
import { usePage } from '../run/page.ts'

const SHOWN = 3
const SIGNS: Readonly<Record<OperationView['state'], string>> = {
  open: '…',
  ok: '✓',
  failed: '✕',
  unknown: '?',
}

export function OperationLine(props: { readonly operation: OperationView; readonly bad: boolean }) {
  const { text, state, answer, judged } = props.operation
  return (
    <li
      class={`operation ${state} ${props.bad ? 'bad' : ''}`}
      title={judged ? text : `${text} (weak: not judged)`}
    >
      <span class="sign" aria-hidden="true">
        {SIGNS[state]}
      </span>
      <span class="what">{text}</span>
      {answer !== null && <b class="answer">{answer}</b>}
      <span class="sr">{state}</span>
    </li>
  )
}

interface ClientCardProps {
  readonly client: ClientView
  readonly selected: boolean
  /** Ids of operations that the judge names, joined. */
  readonly culprits: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export const ClientCard = memo(({ client, selected, culprits, x, y, width, height }: ClientCardProps) => {
  const page = usePage()
  const bad = new Set(
    culprits
      .split(',')
      .filter((id) => id !== '')
      .map(Number),
  )
  return (
    <section
      class={`card client ${client.state} ${selected ? 'selected' : ''}`}
      style={{ transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` }}
      aria-label={client.name}
      data-node={client.name}
    >
      <button
        type="button"
        class="client-name"
        aria-pressed={selected}
        title="operations below are this client's"
        onClick={() => page.set({ client: client.name })}
      >
        {client.name.replace('-', ' ')}
      </button>
      <ul>
        {client.operations.slice(-SHOWN).map((operation) => (
          <OperationLine key={operation.id} operation={operation} bad={bad.has(operation.id)} />
        ))}
        {client.operations.length === 0 && <li class="none">nothing asked yet</li>}
      </ul>
    </section>
  )
})
