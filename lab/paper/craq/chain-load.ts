/** One chain under a load, as most of CRAQ's figures have it: readers in a closed loop, writers of one object at a rate. */
import { PaperCluster } from '../cluster/cluster.ts'
import { type Costs, pace } from '../cluster/costs.ts'
import { CHAIN, closedReads, openWrites, putOf, type Readers, writeOnce } from '../cluster/load.ts'
import { Meter } from '../cluster/meter.ts'

export interface ChainLoad {
  readonly costs: Costs
  /** Members of the chain. */
  readonly length: number
  readonly readers: Readers
  /** Reads on the way, all readers together. */
  readonly reads: number
  readonly writesPerSecond: number
  readonly bytes: number
  /** On the paper's machines; less, where others get as many events in less time. */
  readonly measureMs: number
  readonly seed?: number
}

/** The paper's readers keep about so many reads on the way for each of three replicas: 59,882 a second that take 1.49 ms (its figures 4 and 9). */
export const READS_PER_REPLICA = 30

/** A chain that serves, with its object written once. */
export function formedChain(options: {
  readonly costs: Costs
  readonly length: number
  readonly bytes: number
  readonly seed?: number
  readonly spares?: number
  readonly clientTimeoutUs?: number
}): PaperCluster {
  const { clientTimeoutUs } = options
  const cluster = new PaperCluster({
    seed: options.seed ?? 1,
    costs: options.costs,
    servers: options.length + (options.spares ?? 0),
    ...(clientTimeoutUs === undefined ? {} : { clientTimeoutUs }),
  })
  cluster.form(CHAIN, cluster.servers.slice(0, options.length))
  let written = false
  writeOnce(cluster, {
    command: putOf(options.bytes),
    bytes: options.bytes,
    onDone: () => {
      written = true
    },
  })
  for (let turn = 0; turn < 1000 && !written; turn++) cluster.run(20 * options.costs.latencyUs)
  if (!written) throw new Error(`a chain of ${options.length} takes no write`)
  return cluster
}

/** Kinds in the meter: `read` (all), `clean`, `dirty`, `write`. */
export function measureChain(load: ChainLoad): Meter {
  const { costs, length, bytes } = load
  const cluster = formedChain({ costs, length, bytes, seed: load.seed ?? 1 })
  const measureUs = (load.measureMs * 1000) / pace(costs)
  const fromUs = cluster.nowUs + Math.max(20_000, Math.min(100_000, measureUs / 2))
  const meter = new Meter({ fromUs, untilUs: fromUs + measureUs })
  closedReads(cluster, {
    readers: load.readers,
    outstanding: load.reads,
    onDone: (outcome) => {
      meter.add('read', outcome)
      meter.add(outcome.asked ? 'dirty' : 'clean', outcome)
    },
  })
  openWrites(cluster, {
    perSecond: load.writesPerSecond,
    bytes,
    onDone: (outcome) => meter.add('write', outcome),
  })
  cluster.run(meter.untilUs - cluster.nowUs)
  return meter
}
