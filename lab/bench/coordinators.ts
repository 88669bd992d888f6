/**
 * `npm run bench:coordinators`: our ensemble beside three members of Apache ZooKeeper, on the same machine, with the same client and load, in turns. The
 * client is a load process that speaks raw frames, with two sessions at each member (see lab/load/targets/zookeeper.ts).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { layOutCluster } from '../../runtime/processes/local-cluster.ts'
import { ask } from '../compare/systems/peer-process.ts'
import { startZooKeeperMembers } from '../compare/systems/zookeeper.ts'
import { loadRecords } from '../load/load-records.ts'
import { runLoadProcess } from '../load/run-load-process.ts'
import type { LoadTask } from '../load/task.ts'
import { cpuUsOf } from './process-cpu.ts'

const ENTRY = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const RECORDS = 1000
const VALUE_BYTES = 100
const MEMBERS = 3
const READY_MS = 30_000
const OPERATIONS = ['setData', 'getData'] as const
const OUTSTANDING = [1, 64, 256]
/** A virtual machine compiles what it has run often: until then it is measured as it begins, not as it is. */
const WARM_UP = { full: 15_000, quick: 2_000 }

type Operation = (typeof OPERATIONS)[number]

interface Ensemble {
  readonly name: string
  readonly endpoints: readonly string[]
  readonly pids: () => readonly number[]
}

interface Sample {
  readonly perSecond: number
  readonly p50Us: number
  readonly p99Us: number
  /** Of all three members. */
  readonly cpuUsPerOperation: number
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    help: { type: 'boolean', default: false },
  },
})
async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'catenary-coordinators-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(status))
  const rounds = options.quick ? 1 : Number(options.rounds)
  const measureMs = (options.quick ? 1 : Number(options.seconds)) * 1000
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; ${RECORDS} znodes of ${VALUE_BYTES} bytes, medians of ${rounds} rounds of ${measureMs / 1000} s`,
  )
  const own = await layOutCluster({
    directory: join(directory, 'own'),
    entry: ENTRY,
    coordinators: MEMBERS,
    servers: 0,
  })
  const { coordinators, coordinatorAddresses } = own
  for (const coordinator of coordinators) coordinator.start()
  const peer = await startZooKeeperMembers({
    directory: join(directory, 'zookeeper'),
    durability: 'durable',
    replicas: MEMBERS,
  })
  try {
    const ensembles: Ensemble[] = [
      {
        name: 'Catenary',
        endpoints: coordinatorAddresses,
        pids: () => coordinators.flatMap(({ pid }) => pid ?? []),
      },
      {
        name: 'ZooKeeper',
        endpoints: peer.members.map(({ clientPort }) => `127.0.0.1:${clientPort}`),
        pids: () => peer.members.map((member) => member.process.pid),
      },
    ]
    for (const { endpoints } of ensembles) await serving(endpoints)
    await compare(ensembles, { rounds, measureMs, warmUpMs: options.quick ? WARM_UP.quick : WARM_UP.full })
  } finally {
    await peer.group.end()
    await own.stop()
  }
}

async function serving(endpoints: readonly string[]): Promise<void> {
  const until = Date.now() + READY_MS
  for (const endpoint of endpoints) {
    const port = Number(endpoint.split(':').at(-1))
    for (;;) {
      const answer = await ask(port, 'srvr', () => false).catch(() => '')
      if (/^Mode: (leader|follower)$/m.test(answer)) break
      if (Date.now() > until) throw new Error(`${endpoint} does not serve: ${answer || 'no answer'}`)
      await sleep(100)
    }
  }
}

const taskOf = (
  { endpoints }: Ensemble,
  operation: Operation,
  outstanding: number,
  times: { warmUpMs: number; measureMs: number },
): LoadTask => ({
  target: { kind: 'zookeeper', endpoints, reads: 'stale' },
  workload: {
    name: operation,
    shares: operation === 'setData' ? { update: 1 } : { read: 1 },
    keys: { type: 'uniform' },
    recordCount: RECORDS,
    valueBytes: VALUE_BYTES,
    scanLengthMax: 1,
  },
  loop: { type: 'closed', outstanding },
  seed: 1,
  bucketMs: null,
  tolerateErrors: false,
  ...times,
})

async function compare(
  ensembles: readonly Ensemble[],
  times: { rounds: number; measureMs: number; warmUpMs: number },
): Promise<void> {
  for (const ensemble of ensembles) {
    console.log(
      `${ensemble.name}: ${RECORDS} znodes, then ${times.warmUpMs / 1000} s of each operation to warm up`,
    )
    const { target, workload } = taskOf(ensemble, 'setData', 64, { warmUpMs: 0, measureMs: 0 })
    await loadRecords(target, workload)
    for (const operation of OPERATIONS)
      await runLoadProcess(taskOf(ensemble, operation, 64, { warmUpMs: 0, measureMs: times.warmUpMs }))
  }
  const samples = new Map<string, Sample[]>()
  for (let round = 1; round <= times.rounds; round++) {
    console.log(`round ${round} of ${times.rounds}`)
    for (const operation of OPERATIONS)
      for (const outstanding of OUTSTANDING)
        for (const ensemble of round % 2 === 0 ? ensembles.toReversed() : ensembles) {
          const task = taskOf(ensemble, operation, outstanding, { warmUpMs: 500, measureMs: times.measureMs })
          const key = keyOf(ensemble.name, operation, outstanding)
          samples.set(key, [...(samples.get(key) ?? []), await sampleOf(ensemble, task)])
        }
  }
  print(ensembles, samples)
}

const keyOf = (name: string, operation: Operation, outstanding: number) =>
  `${name} ${operation} ${outstanding}`

async function sampleOf(ensemble: Ensemble, task: LoadTask): Promise<Sample> {
  let before = 0
  const onSpan = () => {
    before = cpuOf(ensemble)
  }
  const { perSecond, all } = await runLoadProcess(task, { onSpan })
  const cpuUsPerOperation = (cpuOf(ensemble) - before) / all.count
  return { perSecond, p50Us: all.p50Us, p99Us: all.p99Us, cpuUsPerOperation }
}

const cpuOf = ({ pids }: Ensemble) => pids().reduce((sum, pid) => sum + cpuUsOf(pid), 0)

const medianOf = (samples: readonly Sample[], field: keyof Sample): number =>
  samples.map((sample) => sample[field]).toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0

/** What of a sample is shown, in digits after the point. CPU: of the three members together. */
const COLUMNS = [
  ['operations/s', 'perSecond', 0],
  ['median us', 'p50Us', 0],
  ['p99 us', 'p99Us', 0],
  ['CPU us', 'cpuUsPerOperation', 1],
] as const

function print(ensembles: readonly Ensemble[], samples: ReadonlyMap<string, Sample[]>): void {
  const names = ensembles.map(({ name }) => name).join(' / ')
  const table = new Table({
    head: ['', 'outstanding', ...COLUMNS.map(([label]) => `${label}, ${names}`)],
    style: { head: [], border: [] },
    wordWrap: true,
  })
  for (const operation of OPERATIONS)
    for (const outstanding of OUTSTANDING) {
      const cells = COLUMNS.map(([, field, digits]) => {
        const [ours = 0, theirs = 0] = ensembles.map(({ name }) =>
          medianOf(samples.get(keyOf(name, operation, outstanding)) ?? [], field),
        )
        return `${numberText(ours, digits)} / ${numberText(theirs, digits)} = ${(ours / theirs).toFixed(2)}`
      })
      table.push([operation, outstanding, ...cells])
    }
  console.log(table.toString())
  for (const { name, pids } of ensembles) {
    const told = (['VmRSS', 'Pss'] as const).map((field) => {
      const sizes = pids().map((pid) => mebibytesOf(pid, field))
      return `${sizes.join(', ')} MiB, together ${sizes.reduce((a, b) => a + b, 0)} MiB`
    })
    console.log(`${name}, resident: ${told[0]}; what processes share counted once: ${told[1]}`)
  }
}

const numberText = (value: number, digits: number) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })

const MEMORY_FILES = { VmRSS: 'status', Pss: 'smaps_rollup' } as const

/** `Pss`: a page that several processes share is divided among them. */
function mebibytesOf(pid: number, field: keyof typeof MEMORY_FILES): number {
  const text = readFileSync(`/proc/${pid}/${MEMORY_FILES[field]}`, 'utf8')
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]
  return Math.round(Number(kib ?? 0) / 1024)
}

if (options.help) console.log('Usage: npm run bench:coordinators -- [--quick] [--rounds 5] [--seconds 4]')
else await main()
