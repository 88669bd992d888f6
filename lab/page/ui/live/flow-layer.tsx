import type { Layout } from '../figure/geometry.ts'
import { curveOf, pointOn } from '../figure/geometry.ts'
import type { LinkFlow } from './flow.ts'
import { shortNumber } from './short-number.ts'

/** Where the board has single messages: how many there are a second, and how long they take. */
export function FlowLayer({
  flows,
  layout,
}: {
  readonly flows: readonly LinkFlow[]
  readonly layout: Layout
}) {
  return (
    <ul class="flows" aria-label="links of the chain">
      {flows.map((flow) => (
        <Flow key={`${flow.from} ${flow.to}`} flow={flow} layout={layout} />
      ))}
    </ul>
  )
}

function Flow({ flow, layout }: { readonly flow: LinkFlow; readonly layout: Layout }) {
  const { from, to, entriesPerSecond, acksPerSecond, hopMs, lag } = flow
  if (!layout.boxes.has(from) || !layout.boxes.has(to)) return null
  const down = pointOn(curveOf(layout, from, to), 0.5)
  const up = pointOn(curveOf(layout, to, from), 0.5)
  return (
    <li>
      <span class="sr">
        {from} to {to}:{' '}
      </span>
      <p
        class="flow down"
        style={{ left: `${down.x}px`, top: `${down.y}px` }}
        title={`entries from ${from} to ${to}, a second`}
      >
        {rate(entriesPerSecond)}
        <span class="sr"> entries a second, </span>
      </p>
      <p
        class="flow up"
        style={{ left: `${up.x}px`, top: `${up.y}px` }}
        title={`commits that ${from} learns from ${to}, a second; how long an entry takes to ${to} and how many it lacks`}
      >
        {rate(acksPerSecond)}
        <span class="sr"> commits a second, </span>
        {hopMs !== null && <small>{shortNumber(hopMs)} ms</small>}
        {lag !== null && lag > 0 && <small class="lag">−{shortNumber(lag)}</small>}
      </p>
    </li>
  )
}

const rate = (value: number | null): string => (value === null ? '–' : `${shortNumber(value)}/s`)
