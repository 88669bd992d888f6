/**
 * How fast simulations are: `node dist/lab/soak/speed.js [seeds]`. Counts CPU time, so that what else runs on the machine matters little, and begins to count when the
 * code is warm: in a soak of an hour nobody sees the first seconds.
 */
import { type ClusterShape, SimCluster } from '../simulator/cluster.ts'
import { SSD } from '../simulator/kernel/disk.ts'
import { LAN } from '../simulator/kernel/network.ts'
import { Rng } from '../simulator/kernel/rng.ts'
import { Trace } from '../simulator/kernel/trace.ts'
import { simulate } from '../simulator/simulate.ts'

const SEEDS = 50
const WARM_SEEDS = 15
const WARM_FROM_SEED = 1_000_000
const WARM_S = 1_000
const MEASURED_S = 1_000
const BOOT_S = 10
/** Heartbeats, ticks and retries of a cluster whose parts are far from each other. */
const WIDE_AREA_PACE = 5

interface Cost {
  readonly virtualSeconds: number
  readonly events: number
  readonly cpuSeconds: number
}

/** Three coordinators, three data servers with one chain, eight clients that each ask for something once a second. Nothing fails. */
const calm = (pace: number): ClusterShape => ({
  coordinators: 3,
  servers: 3,
  serversMax: 3,
  chains: 1,
  replicationFactor: 3,
  clients: 8,
  durability: 'sync',
  sessionTimeoutMs: 4_000 * pace,
  thinkMs: [500, 1_500],
  plainClients: 0.25,
  codec: false,
  snapshotEntries: 10_000,
  retainedBytesMax: 1024 * 1024,
  turnUs: 0,
  pace,
  znodeClients: 0,
  znodeThinkMs: [1_000, 1_000],
})

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function costOfCalm(pace: number): Promise<Cost> {
  const cluster = new SimCluster({
    shape: calm(pace),
    environment: {
      latencyUs: LAN.latencyUs,
      slowMessageShare: LAN.slowShare,
      breakAfterUs: LAN.breakAfterUs,
      fsyncUs: SSD.fsyncUs,
      slowSyncShare: SSD.slowShare,
      clockRates: {},
    },
    rng: new Rng(1),
    trace: new Trace(),
  })
  const { scheduler } = cluster
  const pass = async (seconds: number) => {
    await scheduler.runUntil(scheduler.nowUs + seconds * 1e6, () => cluster.failure !== null)
    if (cluster.failure !== null) throw new Error(cluster.failure.what)
  }
  cluster.boot()
  await pass(BOOT_S * pace)
  for (const { process } of cluster.clients) cluster.start(process.name)
  await pass(WARM_S)
  const eventsBefore = scheduler.count
  const began = cpuSeconds()
  await pass(MEASURED_S)
  return {
    virtualSeconds: MEASURED_S,
    events: scheduler.count - eventsBefore,
    cpuSeconds: cpuSeconds() - began,
  }
}

async function costOfSeeds(from: number, count: number): Promise<Cost> {
  const began = cpuSeconds()
  let virtualSeconds = 0
  let events = 0
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate({ seed })
    if (result.failure !== null) console.log(`seed ${seed} fails: ${result.failure.what}`)
    virtualSeconds += result.virtualSeconds
    events += result.events
  }
  return { virtualSeconds, events, cpuSeconds: cpuSeconds() - began }
}

function say(what: string, { virtualSeconds, events, cpuSeconds }: Cost, seeds = 0): void {
  const fields = [
    `${(virtualSeconds / cpuSeconds).toFixed(0)} simulated seconds per CPU second`,
    `${(events / virtualSeconds).toFixed(0)} events per simulated second`,
    `${((cpuSeconds / events) * 1e6).toFixed(1)} us per event`,
    ...(seeds === 0 ? [] : [`${(seeds / cpuSeconds).toFixed(1)} seeds per CPU second`]),
  ]
  console.log(`${what}: ${fields.join(', ')}`)
}

const seeds = Number(process.argv[2] ?? SEEDS)
if (!Number.isSafeInteger(seeds) || seeds < 0)
  throw new RangeError(`${process.argv[2]} seeds: give a whole number`)
say('3 coordinators, 3 servers, 8 clients', await costOfCalm(1))
say(`the same, heartbeats ${WIDE_AREA_PACE} times slower`, await costOfCalm(WIDE_AREA_PACE))
if (seeds > 0) {
  await costOfSeeds(WARM_FROM_SEED, WARM_SEEDS)
  say(`${seeds} drawn seeds, faults on, judged`, await costOfSeeds(1, seeds), seeds)
}
