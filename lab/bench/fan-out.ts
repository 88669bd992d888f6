/**
 * What it changes that values go from the head to all members at once (CRAQ §4.2): writes of 100 B, 10 KB and 1 MB over chains of 3, 5 and 7, with and without, in turns.
 *
 *     npm run build && node dist/lab/bench/fan-out.js [--rounds 3] [--lengths 3,5,7] [--transport tcp | nats://127.0.0.1:4222]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { connect } from '../../client/index.ts'
import { type LocalCluster, startLocalCluster } from '../../runtime/processes/local-cluster.ts'
import { cpuUsOf } from './process-cpu.ts'

const { values: args } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    lengths: { type: 'string', default: '3,5,7' },
    transport: { type: 'string', default: 'tcp' },
  },
})

const SIZES = [
  { name: '100 B', bytes: 100, writes: 300 },
  { name: '10 KB', bytes: 10_000, writes: 200 },
  { name: '1 MB', bytes: 1_000_000, writes: 20 },
] as const
const ENTRY = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
/** What the option's environment variable is called (see cli/environment.ts). */
const OPTION = 'CATENARY_FAN_OUT_BYTES'

interface Measured {
  readonly medianMs: number
  readonly p99Ms: number
  readonly cpuMs: number
  /** Sent by the head to other servers, for a byte that the client sent. */
  readonly headBytes: number
}

async function sentByHead(cluster: LocalCluster, head: string): Promise<number> {
  const status = (await cluster.serverStatus(head)) as unknown as {
    readonly traffic?: { readonly bytes: number }
  }
  return status.traffic?.bytes ?? 0
}

/** One write after the other, each acknowledged by the whole chain. */
async function measure(cluster: LocalCluster, size: (typeof SIZES)[number]): Promise<Measured> {
  const { transport } = args
  const client = await connect({ servers: cluster.clientServers, transport, timeoutMs: 60_000 })
  try {
    const value = new Uint8Array(size.bytes).fill(120)
    for (let i = 0; i < 20; i++) await client.put(`warm-${i}`, value)
    const head = (await cluster.chain())?.members[0]?.server ?? ''
    const cpuUs = () => cluster.servers.reduce((sum, { pid }) => sum + (pid === null ? 0 : cpuUsOf(pid)), 0)
    const [sentBefore, cpuBefore] = [await sentByHead(cluster, head), cpuUs()]
    const times: number[] = []
    for (let i = 0; i < size.writes; i++) {
      const began = performance.now()
      await client.put(`key-${i % 16}`, value)
      times.push(performance.now() - began)
    }
    const cpuMs = (cpuUs() - cpuBefore) / 1000 / size.writes
    const headBytes = ((await sentByHead(cluster, head)) - sentBefore) / size.writes / size.bytes
    times.sort((a, b) => a - b)
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
    return { medianMs: at(0.5), p99Ms: at(0.99), cpuMs, headBytes }
  } finally {
    await client.close()
  }
}

/** Every server of the cluster inherits the option. */
async function withCluster(
  length: number,
  fanOut: boolean,
  run: (cluster: LocalCluster) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'catenary-fan-out-'))
  if (fanOut) process.env[OPTION] = '1024'
  else delete process.env[OPTION]
  try {
    const { transport } = args
    const shape = { servers: length, replication: length, coordinators: 1, transport }
    const cluster = await startLocalCluster({ directory, entry: ENTRY, logLevel: 'warn', ...shape })
    try {
      await run(cluster)
    } finally {
      await cluster.stop()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0

const found = new Map<string, Measured[]>()
const lengths = args.lengths.split(',').map(Number)
for (let round = 1; round <= Number(args.rounds); round++)
  for (const length of lengths)
    for (const fanOut of [false, true])
      await withCluster(length, fanOut, async (cluster) => {
        for (const size of SIZES) {
          const key = `${length} ${size.name} ${fanOut}`
          found.set(key, [...(found.get(key) ?? []), await measure(cluster, size)])
        }
        console.error(`round ${round}: chain of ${length}, ${fanOut ? 'fanned out' : 'down the chain'}`)
      })

const table = new Table({
  head: [
    'chain',
    'value',
    'median, ms',
    'p99, ms',
    'CPU of a write, ms',
    'sent by the head, times the value',
  ],
  style: { head: [], border: [] },
})
for (const length of lengths)
  for (const { name } of SIZES) {
    const cell = (pick: (one: Measured) => number) => {
      const of = (fanOut: boolean) => median((found.get(`${length} ${name} ${fanOut}`) ?? []).map(pick))
      return `${of(false).toFixed(2)} -> ${of(true).toFixed(2)}`
    }
    const { medianMs, p99Ms, cpuMs, headBytes } = {
      medianMs: cell((one) => one.medianMs),
      p99Ms: cell((one) => one.p99Ms),
      cpuMs: cell((one) => one.cpuMs),
      headBytes: cell((one) => one.headBytes),
    }
    table.push([length, name, medianMs, p99Ms, cpuMs, headBytes])
  }
console.log(
  `One write at a time, down the chain -> values of 1 KB and more fanned out, ${args.transport}, medians of ${args.rounds} rounds:`,
)
console.log(table.toString())
