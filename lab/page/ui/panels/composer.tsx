import { useState } from 'preact/hooks'
import type { ClientOperation, ReadConsistency } from '../../board/action.ts'
import { Field } from '../parts/field.tsx'
import { memo } from '../parts/memo.tsx'
import { usePage } from '../run/page.ts'

const TYPES = [
  ['put', 'put'],
  ['get', 'get'],
  ['increment', 'increment'],
  ['cas', 'compare-and-set'],
  ['append', 'append'],
  ['delete', 'delete'],
] as const
const LEVELS: readonly (readonly [ReadConsistency, string])[] = [
  ['strong', 'strong'],
  ['bounded-age', 'bounded by age'],
  ['bounded-versions', 'bounded by versions'],
  ['eventual', 'eventual'],
]

interface Draft {
  readonly type: ClientOperation['type']
  readonly key: string
  readonly value: string
  readonly expect: string
  readonly at: string
  readonly consistency: ReadConsistency
  readonly bound: number
}

const FIRST: Draft = {
  type: 'put',
  key: 'x',
  value: '1',
  expect: '',
  at: '',
  consistency: 'strong',
  bound: 100,
}

function operationOf({ type, key, value, expect, at, consistency, bound }: Draft): ClientOperation {
  if (type === 'get') {
    const bounded = consistency === 'bounded-age' || consistency === 'bounded-versions' ? { bound } : {}
    return { type, key, consistency, ...bounded, ...(at === '' ? {} : { at }) }
  }
  if (type === 'increment') return { type, key, by: Number.parseInt(value, 10) || 1 }
  if (type === 'cas') return { type, key, expect: expect === '' ? null : expect, value }
  return type === 'delete' ? { type, key } : { type, key, value }
}

/** The next value of its own accord, so that repeated writes can be told apart. */
const following = (value: string): string => (/^\d+$/.test(value) ? String((Number(value) + 1) % 1e9) : value)

interface ComposerProps {
  /** Names, joined by spaces. */
  readonly clients: string
  readonly servers: string
  readonly chosen: string
}

export const Composer = memo(({ clients, servers, chosen }: ComposerProps) => {
  const page = usePage()
  const [draft, setDraft] = useState(FIRST)
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part })
  const names = clients.split(' ')
  const client = names.find((name) => name === chosen) ?? names[0]
  const send = (event: Event) => {
    event.preventDefault()
    if (client === undefined) return
    void page.runner.act({ type: 'client', client, op: operationOf(draft) })
    if (draft.type === 'put') change({ value: following(draft.value) })
  }
  const { type } = draft
  return (
    <form class="composer" onSubmit={send} aria-label="an operation">
      <select
        aria-label="client"
        value={client ?? ''}
        onChange={(event) => page.set({ client: event.currentTarget.value })}
      >
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        aria-label="operation"
        value={type}
        onChange={(event) => change({ type: event.currentTarget.value as Draft['type'] })}
      >
        {TYPES.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Field label="key" value={draft.key} onChange={(key) => change({ key })} />
      {type === 'cas' && (
        <Field label="expect" value={draft.expect} onChange={(expect) => change({ expect })} hint="absent" />
      )}
      {type !== 'get' && type !== 'delete' && (
        <Field
          label={type === 'increment' ? 'by' : 'value'}
          value={draft.value}
          onChange={(value) => change({ value })}
        />
      )}
      {type === 'get' && <ReadChoices draft={draft} change={change} servers={servers} />}
      <button type="submit" class="primary">
        Send
      </button>
    </form>
  )
})

function ReadChoices(props: {
  readonly draft: Draft
  readonly change: (part: Partial<Draft>) => void
  readonly servers: string
}) {
  const { draft, change, servers } = props
  return (
    <>
      <select
        aria-label="replica that answers"
        value={draft.at}
        onChange={(event) => change({ at: event.currentTarget.value })}
      >
        <option value="">at any replica</option>
        {servers.split(' ').map((name) => (
          <option key={name} value={name}>
            at {name}
          </option>
        ))}
      </select>
      <select
        aria-label="consistency"
        value={draft.consistency}
        onChange={(event) => change({ consistency: event.currentTarget.value as ReadConsistency })}
      >
        {LEVELS.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {draft.consistency.startsWith('bounded') && (
        <Field
          label={draft.consistency === 'bounded-age' ? 'ms' : 'versions'}
          value={String(draft.bound)}
          onChange={(bound) => change({ bound: Math.max(0, Number.parseInt(bound, 10) || 0) })}
        />
      )}
    </>
  )
}
