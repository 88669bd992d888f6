/** Operations as bars, a row for each client, the ones in question marked. */

export interface ChartOperation {
  readonly id: number
  readonly client: string
  readonly text: string
  readonly from: number
  /** Null: no answer. */
  readonly to: number | null
}

const WIDTH = 760
const LEFT = 70
const ROW = 46

export function HistoryChart(props: {
  readonly operations: readonly ChartOperation[]
  readonly culprits: ReadonlySet<number>
  /** Where the chart ends; where it is not given, with the last operation. */
  readonly until?: number
}) {
  const { operations, culprits, until = -Infinity } = props
  if (operations.length === 0) return null
  const clients = [...new Set(operations.map(({ client }) => client))].sort()
  const times = operations.flatMap(({ from, to }) => (to === null ? [from] : [from, to]))
  const [first, last] = [Math.min(...times), Math.max(until, ...times)]
  const x = (at: number) => LEFT + ((at - first) / Math.max(1, last - first)) * (WIDTH - LEFT - 24)
  return (
    <svg
      class="history-chart"
      viewBox={`0 0 ${WIDTH} ${clients.length * ROW + 8}`}
      role="img"
      aria-label="operations over time"
    >
      {clients.map((client, row) => (
        <g key={client}>
          <text x="4" y={row * ROW + 33}>
            {client}
          </text>
          <line x1={LEFT} x2={WIDTH} y1={row * ROW + 29} y2={row * ROW + 29} />
        </g>
      ))}
      {operations.map(({ id, client, text, from, to }) => {
        const y = clients.indexOf(client) * ROW + 24
        const end = to === null ? WIDTH : x(to)
        return (
          <g key={id} class={`${culprits.has(id) ? 'bad' : ''} ${to === null ? 'open' : ''}`}>
            <rect x={x(from)} y={y} width={Math.max(4, end - x(from))} height="10" rx="2" />
            <text x={x(from) + 1} y={y - 5}>
              {text}
            </text>
          </g>
        )
      })}
    </svg>
  )
}
