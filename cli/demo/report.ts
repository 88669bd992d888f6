/** What the demo prints at the end. */
import Table from 'cli-table3'
import { withoutSecrets } from '../../client/transport/nats-url.ts'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import type { FaultReport } from './faults.ts'
import type { Verdict } from './verify.ts'

const ms = (value: number) => (value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`)

export function faultTable(reports: readonly FaultReport[]): string {
  const table = new Table({
    head: [
      'killed',
      'reads/writes',
      'done',
      'errors',
      'reads stalled',
      'writes stalled',
      'full strength after',
    ],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
  })
  for (const { what, mix, cost, wholeAfterMs } of reports) {
    table.push([
      what,
      mix,
      `${cost.reads} / ${cost.writes}`,
      cost.errors,
      ms(cost.readStallMs),
      ms(cost.writeStallMs),
      ms(wholeAfterMs),
    ])
  }
  return `${table.toString()}\n  stalled: the longest time in which not one read (write) of any client was answered`
}

export function verdictText(verdict: Verdict): string {
  const { writes, increments, lost, duplicated, wrongReads, unknown } = verdict
  const lines = [
    `Read back: ${writes} acknowledged writes and ${increments} acknowledged increments.`,
    `  lost: ${lost}    duplicated: ${duplicated}    wrong reads: ${wrongReads}    without an answer: ${unknown}`,
  ]
  return lines.join('\n')
}

export function nextSteps(cluster: LocalCluster, pageUrl: string): string {
  const servers = cluster.clientServers.join(',')
  const transport =
    cluster.options.transport === undefined || cluster.options.transport === 'tcp'
      ? ''
      : ` --transport ${withoutSecrets(cluster.options.transport)}`
  const [first] = cluster.servers
  return [
    `Watch it, and kill what you like, in a browser: ${pageUrl}`,
    'Try next, in another terminal:',
    `  npx catenary status --servers ${servers}${transport}`,
    `  npx catenary get 'city/NL/07/Amsterdam#1' --servers ${servers}${transport}`,
    `  npx catenary put hello world --servers ${servers}${transport}`,
    `  npx catenary scan --prefix city/IS/ --limit 5 --servers ${servers}${transport}`,
    `  npx catenary znode get /catenary/chains/c0 --coordinator ${cluster.coordinatorAddresses.join(',')}`,
    `  redis-cli -c -p ${cluster.redisPort(first?.name ?? 'n1')} get 'city/NL/07/Amsterdam#1'`,
    `  curl -s http://127.0.0.1:${cluster.httpPort(first?.name ?? 'n1')}/status`,
    `  kill -9 ${first?.pid}      # ${first?.name}: the others go on; the demo does not restart it now`,
  ].join('\n')
}
