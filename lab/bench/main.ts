/**
 * `npm run bench`: the store against a yardstick taken in the same run (bare-server.ts, bare-relay.ts). Store and yardstick are measured in turn, several
 * times, and the medians compared: one number on a noisy machine says nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Table from 'cli-table3'
import { startLocalCluster } from '../../runtime/processes/local-cluster.ts'
import { measureFailover } from './failover.ts'
import type { LoadTask } from './lean-load.ts'
import { measureMemory } from './memory.ts'
import { type Measured, measure, type Played, playRole, start } from './roles.ts'

const MAIN = fileURLToPath(import.meta.url)
const ENTRY = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const KEYS = 10_000
const VALUE_BYTES = 100

/** Who is loaded, and which processes work for it: of a chain, head first. */
interface Subject {
  readonly task: LoadTask
  readonly pids: readonly number[]
}

interface Row {
  readonly what: string
  /** Microseconds of processor time that each process spends on one operation, head first. */
  readonly cpu: { readonly store: readonly number[]; readonly bare: readonly number[] }
  readonly store: number
  readonly bare: number
  readonly unit: string
  /** Rates: the store's share of the yardstick's. Latencies: the store's multiple of it. */
  readonly ratio: number
  /** Null where no goal was set. */
  readonly goal: { readonly text: string; readonly met: boolean } | null
}

if (process.argv.includes('--role')) playRole()
else await main()

async function main(): Promise<void> {
  const quick = process.argv.includes('--quick')
  const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length)
  const runs = quick ? 1 : 5
  const directory = mkdtempSync(join(tmpdir(), 'catenary-bench-'))
  // The processes end with this one, however it ends, and what they wrote goes with them.
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.once(signal, () => process.exit(status))
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; ${VALUE_BYTES}-byte values, medians of ${runs} runs`,
  )
  if (only === undefined || only === 'rates') await rates(directory, runs)
  if (only === undefined || only === 'failover') await measureFailover(join(directory, 'failover'), ENTRY)
  if (only === undefined || only === 'memory')
    await measureMemory(join(directory, 'memory'), ENTRY, quick ? 100_000 : 1_000_000)
}

async function rates(directory: string, runs: number): Promise<void> {
  const rows = [
    ...(await readRows(directory, runs)),
    ...(await writeRows(directory, runs, 'memory')),
    ...(await writeRows(directory, runs, 'sync')),
  ]
  const table = new Table({
    head: ['', 'Catenary', 'bare', 'ratio', 'goal', '', 'CPU us/op', 'bare'],
    style: { head: [], border: [] },
  })
  for (const row of rows) {
    table.push([
      row.what,
      `${row.store} ${row.unit}`,
      `${row.bare} ${row.unit}`,
      row.ratio.toFixed(2),
      row.goal?.text ?? '',
      row.goal === null ? '' : row.goal.met ? 'met' : 'missed',
      ...[row.cpu.store, row.cpu.bare].map((spent) => spent.map((us) => us.toFixed(1)).join(' + ')),
    ])
  }
  console.log(table.toString())
  console.log(
    'All processes share the processors, the load generator too. One client, a closed loop; a batch that it gets answered, it sends again.',
  )
}

function task(port: number, operation: LoadTask['operation'], outstanding: number): LoadTask {
  return {
    port,
    operation,
    outstanding,
    keys: KEYS,
    valueBytes: VALUE_BYTES,
    warmUpMs: 1000,
    measureMs: 3000,
  }
}

/** In turn, so that a slow moment of the machine meets both. */
async function compare(
  what: string,
  runs: number,
  store: Subject,
  bare: Subject,
): Promise<{ store: Measured; bare: Measured }> {
  const results: { store: Measured[]; bare: Measured[] } = { store: [], bare: [] }
  for (let run = 0; run < runs; run++) {
    results.bare.push(await measure(MAIN, bare.task, bare.pids))
    results.store.push(await measure(MAIN, store.task, store.pids))
    const [s, b] = [results.store.at(-1), results.bare.at(-1)]
    console.log(
      `  ${what}, run ${run + 1} of ${runs}: ${s?.perSecond}/s, median ${s?.medianUs} us, p99 ${s?.p99Us} us; ` +
        `bare ${b?.perSecond}/s, ${b?.medianUs} us, ${b?.p99Us} us`,
    )
  }
  return { store: medianOf(results.store), bare: medianOf(results.bare) }
}

function medianOf(results: readonly Measured[]): Measured {
  const median = (pick: (result: Measured) => number) =>
    results.map(pick).sort((a, b) => a - b)[results.length >> 1] ?? 0
  return {
    perSecond: median((r) => r.perSecond),
    medianUs: median((r) => r.medianUs),
    p99Us: median((r) => r.p99Us),
    failures: 0,
    total: 0,
    cpuUs: (results[0]?.cpuUs ?? []).map((_, i) => median((r) => r.cpuUs[i] ?? 0)),
  }
}

function rateRow(what: string, { store, bare }: { store: Measured; bare: Measured }, goal: number): Row {
  const ratio = store.perSecond / bare.perSecond
  return {
    what,
    store: store.perSecond,
    bare: bare.perSecond,
    unit: '/s',
    cpu: { store: store.cpuUs, bare: bare.cpuUs },
    ratio,
    goal: { text: `>= ${goal}`, met: ratio >= goal },
  }
}

function latencyRow(
  what: string,
  { store, bare }: { store: Measured; bare: Measured },
  goal: number | null,
): Row {
  const ratio = store.medianUs / bare.medianUs
  return {
    what,
    store: store.medianUs,
    bare: bare.medianUs,
    unit: 'us',
    cpu: { store: store.cpuUs, bare: bare.cpuUs },
    ratio,
    goal: goal === null ? null : { text: `<= ${goal}`, met: ratio <= goal },
  }
}

async function readRows(directory: string, runs: number): Promise<Row[]> {
  const bare = await start<number>(MAIN, { role: 'bare-server', keys: KEYS, valueBytes: VALUE_BYTES })
  const cluster = await startLocalCluster({
    directory: join(directory, 'reads'),
    entry: ENTRY,
    logLevel: 'warn',
  })
  try {
    const members = (await cluster.chain())?.members ?? []
    const [head, middle] = members.map(({ server }) => cluster.port(server))
    const pids = [cluster.process(members[1]?.server ?? '').pid ?? 0]
    if (head === undefined || middle === undefined) throw new Error('the chain is too short')
    await measure(MAIN, { ...task(head, 'write', 256), measureMs: 4000 }) // so that most keys exist
    const pair = (operation: 'read', outstanding: number): [Subject, Subject] => [
      { task: task(middle, operation, outstanding), pids },
      { task: task(bare.answer, operation, outstanding), pids: [bare.pid] },
    ]
    const many = 'strong reads of clean keys, one server, 64 outstanding'
    const one = 'strong read, 1 outstanding, median'
    return [
      rateRow(many, await compare(many, runs, ...pair('read', 64)), 0.6),
      latencyRow(one, await compare(one, runs, ...pair('read', 1)), 1.3),
    ]
  } finally {
    await cluster.stop()
    await bare.end()
  }
}

async function writeRows(directory: string, runs: number, durability: 'memory' | 'sync'): Promise<Row[]> {
  const relay = await startRelay(durability === 'sync' ? directory : null)
  const cluster = await startLocalCluster({
    directory: join(directory, durability),
    entry: ENTRY,
    durability,
    logLevel: 'warn',
  })
  try {
    const members = (await cluster.chain())?.members ?? []
    const [head] = members
    if (head === undefined) throw new Error('no chain')
    const pids = members.map(({ server }) => cluster.process(server).pid ?? 0)
    const pair = (outstanding: number): [Subject, Subject] => [
      { task: task(cluster.port(head.server), 'write', outstanding), pids },
      { task: task(relay.port, 'write', outstanding), pids: relay.pids },
    ]
    const many = `writes, chain of three, ${durability}, 64 outstanding`
    const one = `write, ${durability}, 1 outstanding, median`
    return [
      rateRow(many, await compare(many, runs, ...pair(64)), durability === 'sync' ? 0.7 : 0.6),
      latencyRow(one, await compare(one, runs, ...pair(1)), durability === 'sync' ? 1.3 : null),
    ]
  } finally {
    await cluster.stop()
    await relay.end()
  }
}

/** Last process first, since each dials the next. */
async function startRelay(
  directory: string | null,
): Promise<{ port: number; pids: number[]; end(): Promise<void> }> {
  const processes: Played<number>[] = []
  let port = 0
  for (const name of ['tail', 'middle', 'head']) {
    const file = directory === null ? null : join(directory, `relay-${name}`)
    const played = await start<number>(MAIN, { role: 'bare-relay', next: port, file })
    processes.push(played)
    port = played.answer
  }
  const pids = processes.map((played) => played.pid).reverse()
  return { port, pids, end: async () => void (await Promise.all(processes.map((played) => played.end()))) }
}
