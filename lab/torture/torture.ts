/** The whole torture: a cluster of real processes, clients that record, a nemesis, and the verdict on what was recorded. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LocalCluster, layOutCluster } from '../../runtime/processes/local-cluster.ts'
import { Rng } from '../simulator/kernel/rng.ts'
import { FAULT_KINDS, type FaultKind } from './faults.ts'
import { type FaultFigures, faultFigures } from './figures.ts'
import { type Ground, prepareGround } from './ground.ts'
import { writeHistory, writePage } from './history-file.ts'
import { type JudgedHistory, judge } from './judge.ts'
import { Load } from './load.ts'
import { Nemesis } from './nemesis.ts'
import { Recorder } from './recorder.ts'
import { planFaults } from './schedule.ts'
import { findStumbles } from './stumbles.ts'

export interface TortureOptions {
  /** The `catenary` program. */
  readonly entry: string
  readonly durationMs: number
  readonly seed: number
  /** Null: all that this machine allows. Named ones must be allowed. */
  readonly faults: readonly FaultKind[] | null
  readonly clients: number
  readonly coordinators: number
  readonly servers: number
  readonly chains: number
  readonly transport: string
  /** For the data of the processes; must be absent or empty. Null: a temporary one, removed at the end. */
  readonly data: string | null
  /** For the history, always. Null: only where something is wrong, in a temporary directory. */
  readonly out: string | null
  /** Written into the history. */
  readonly command: string
}

export interface TortureTalk {
  say(text: string): void
  progress(text: string): void
  /** Ends the torture early, and cleanly: it throws then. */
  readonly signal: AbortSignal
}

export interface TortureResult {
  readonly figures: readonly FaultFigures[]
  readonly judged: JudgedHistory
  /** What is wrong besides the history: processes that ended unasked, keys that cannot be read, a cluster that does not recover. */
  readonly problems: readonly string[]
  /** Null: nothing was written. */
  readonly out: string | null
}

/** What was asked for cannot be done here. */
export class TortureRefusal extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TortureRefusal'
  }
}

const SESSION_TIMEOUT_MS = 2000
const REPLICATION_MAX = 3
const WHOLE_TIMEOUT_MS = 90_000
const PROGRESS_MS = 500
/** Between the last heal and the last operation. */
const AFTERMATH_MS = 1500

export async function torture(options: TortureOptions, talk: TortureTalk): Promise<TortureResult> {
  const isTemporary = options.data === null
  const directory = options.data ?? mkdtempSync(join(tmpdir(), 'catenary-torture-'))
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new TortureRefusal(`--data ${directory}: the directory is not empty`)
  mkdirSync(directory, { recursive: true })
  let ground: Ground | null = null
  const remove = () => {
    if (isTemporary) rmSync(directory, { recursive: true, force: true, maxRetries: 10 })
  }
  try {
    ground = await prepareGround({
      directory,
      names: namesOf(options),
      faults: options.faults ?? FAULT_KINDS,
      transport: options.transport,
    })
    process.on('exit', remove) // behind the disks' own: they are unmounted then
    talk.signal.throwIfAborted()
    const faults = allowedFaults(options, ground, talk)
    return await onGround(options, { directory, ground, faults }, talk)
  } finally {
    await ground?.close()
    process.off('exit', remove)
    remove()
  }
}

/** As `layOutCluster` calls them. */
const namesOf = ({ coordinators, servers }: TortureOptions) => [
  ...Array.from({ length: coordinators }, (_, i) => `coordinator-${i + 1}`),
  ...Array.from({ length: servers }, (_, i) => `n${i + 1}`),
]

function allowedFaults({ faults }: TortureOptions, { allowed }: Ground, { say }: TortureTalk): FaultKind[] {
  const wanted = faults ?? FAULT_KINDS
  for (const kind of wanted) {
    const reason = allowed[kind]
    if (reason === null) continue
    if (faults !== null) throw new TortureRefusal(`--faults ${kind}: not here: ${reason}`)
    say(`without ${kind}: ${reason}`)
  }
  return wanted.filter((kind) => allowed[kind] === null)
}

interface Stage {
  readonly directory: string
  readonly ground: Ground
  readonly faults: readonly FaultKind[]
}

async function onGround(options: TortureOptions, stage: Stage, talk: TortureTalk): Promise<TortureResult> {
  const { chains, servers, coordinators, transport, entry } = options
  const cluster = await layOutCluster({
    directory: stage.directory,
    entry,
    coordinators,
    servers,
    chains,
    transport,
    replication: Math.min(REPLICATION_MAX, servers),
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    ...(stage.ground.place === null ? {} : { place: stage.ground.place }),
  })
  const end = () => void cluster.kill()
  talk.signal.addEventListener('abort', end)
  try {
    for (const process of cluster.processes) process.start()
    await untilWhole(cluster, talk.signal)
    talk.say(
      `${coordinators} coordinators and ${servers} servers with ${chains} chains are up; faults: ${stage.faults.join(', ')}; seed ${options.seed}`,
    )
    return await judged(options, cluster, await suffered(options, stage, cluster, talk), talk)
  } catch (error) {
    talk.signal.throwIfAborted() // whatever failed, failed because everything was being ended
    const out = options.out ?? mkdtempSync(join(tmpdir(), 'catenary-torture-out-'))
    cpSync(cluster.logDirectory, join(out, 'logs'), { recursive: true })
    throw new Error(`the torture could not be ended: ${(error as Error).message}; all logs: ${out}`, {
      cause: error,
    })
  } finally {
    talk.signal.removeEventListener('abort', end)
    await cluster.kill()
  }
}

interface Suffered {
  readonly recorder: Recorder
  readonly nemesis: Nemesis
  readonly problems: string[]
  readonly whole: { readonly fromUs: number; readonly toUs: number }
}

/** From the first operation to the last: faults, healing, full strength, and a look at every key. */
async function suffered(
  options: TortureOptions,
  { ground, faults }: Stage,
  cluster: LocalCluster,
  talk: TortureTalk,
): Promise<Suffered> {
  const { seed, durationMs, clients, servers, coordinators, chains } = options
  const rng = new Rng(seed)
  const recorder = new Recorder()
  const timeUs = () => recorder.time()
  const plan = planFaults({
    ...{ rng: rng.fork('plan'), durationMs, faults, servers, coordinators, chains },
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  })
  const nemesis = new Nemesis({ cluster, ground, rng: rng.fork('victims'), timeUs, say: talk.say })
  const load = await Load.start(cluster, { recorder, rng: rng.fork('load'), clients, durationMs })
  const problems: string[] = []
  const fromUs = timeUs()
  const endsAt = performance.now() + durationMs
  const ticker = setInterval(() => {
    const left = Math.max(0, Math.round((endsAt - performance.now()) / 1000))
    talk.progress(
      `${left} s left, ${recorder.operations} operations, ${nemesis.inflicted.length} of ${plan.length} faults`,
    )
  }, PROGRESS_MS)
  try {
    await nemesis.run(plan, durationMs, talk.signal)
    await sleep(Math.max(0, endsAt - performance.now()), undefined, { signal: talk.signal })
    const healedAt = performance.now()
    await untilWhole(cluster, talk.signal).catch((error: Error) => problems.push(error.message))
    talk.signal.throwIfAborted()
    talk.say(`healed; full strength after ${((performance.now() - healedAt) / 1000).toFixed(1)} s`)
    await sleep(AFTERMATH_MS, undefined, { signal: talk.signal })
    await load.stop()
    const toUs = timeUs()
    for (const failure of await load.readBack(talk.signal))
      problems.push(`cannot be read at the end: ${failure}`)
    await load.readBackAtServers(talk.signal)
    problems.push(...nemesis.stumbles, ...findStumbles(cluster, nemesis.metFullDisks))
    return { recorder, nemesis, problems, whole: { fromUs, toUs } }
  } finally {
    clearInterval(ticker)
    await load.close()
  }
}

/** Full strength, or the end of the torture: who is told to stop must not wait for what will never come. */
function untilWhole(cluster: LocalCluster, signal: AbortSignal): Promise<void> {
  const stopped = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(new Error('stopped'))
    signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true })
  })
  return Promise.race([cluster.untilWhole({ timeoutMs: WHOLE_TIMEOUT_MS }), stopped])
}

async function judged(
  options: TortureOptions,
  cluster: LocalCluster,
  { recorder, nemesis, problems, whole }: Suffered,
  talk: TortureTalk,
): Promise<TortureResult> {
  await cluster.stop()
  const { parts } = recorder
  talk.say(`judging ${recorder.operations} operations on ${parts.length} keys and groups of keys`)
  const verdict = await judge(parts, {
    signal: talk.signal,
    progress: (count) => talk.progress(`judged ${count} of ${parts.length}`),
  })
  const isClean = verdict.judgement === 'linearizable' && problems.length === 0
  const out = options.out ?? (isClean ? null : mkdtempSync(join(tmpdir(), 'catenary-torture-out-')))
  if (out !== null) {
    mkdirSync(out, { recursive: true })
    const about = { seed: options.seed, command: options.command }
    writeHistory(join(out, 'history.ndjson'), parts, about)
    for (const { part } of verdict.doubtful) writeHistory(join(out, `${part.name}.ndjson`), [part], about)
    if (verdict.doubtful.length > 0) writePage(join(out, 'page.html'), verdict, options)
    cpSync(cluster.logDirectory, join(out, 'logs'), { recursive: true })
  }
  return { figures: faultFigures(parts, nemesis.inflicted, whole), judged: verdict, problems, out }
}
