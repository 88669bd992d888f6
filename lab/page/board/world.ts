/** The cluster that a run of the page is made of. */
import { type ClusterShape, SimCluster } from '../../simulator/cluster.ts'
import type { Environment } from '../../simulator/faults/plan.ts'
import { Rng } from '../../simulator/kernel/rng.ts'
import { Trace } from '../../simulator/kernel/trace.ts'
import type { SimulationFailure } from '../../simulator/result.ts'
import type { BoardOptions } from './options.ts'
import { wrongReplicas } from './wrong-replica.ts'

/** Heartbeats and elections are made for links of this many ms; slower ones make them slower. */
const USUAL_LATENCY_MS = 20
const PACE = 2
const SPARES_MAX = 3

/** What is cut stays open for a second or two, as with TCP; then both ends give it up. */
const BREAK_AFTER_US = [1_000_000, 2_000_000] as const

export function makeWorld(
  options: BoardOptions,
  onFailure: (failure: SimulationFailure) => void,
): SimCluster {
  const wrong =
    options.mutant === null ? null : wrongReplicas(options.mutant, options.replication === 'chain')
  return new SimCluster({
    shape: shapeOf(options),
    environment: environmentOf(options),
    rng: new Rng(options.seed).fork('page'),
    trace: new Trace(),
    onFailure,
    ...(wrong === null ? {} : { makeReplica: wrong }),
  })
}

export const paceOf = ({ latencyMs }: BoardOptions): number =>
  Math.max(PACE, latencyMs / (USUAL_LATENCY_MS / PACE))

function shapeOf(options: BoardOptions): ClusterShape {
  const { coordinators, servers, chains, replicationFactor, clients, durability, replication } = options
  return {
    coordinators,
    servers,
    serversMax: servers + SPARES_MAX,
    chains,
    replicationFactor,
    clients,
    durability,
    replication,
    sessionTimeoutMs: options.sessionTimeoutMs,
    thinkMs: [200, 1500],
    plainClients: options.exactlyOnce ? 0 : 1,
    codec: false,
    snapshotEntries: options.snapshotEntries,
    retainedBytesMax: 64 * 1024 * 1024,
    turnUs: 0,
    pace: paceOf(options),
    znodeClients: 0,
    znodeThinkMs: [1000, 2000],
  }
}

function environmentOf({ latencyMs, fsyncMs }: BoardOptions): Environment {
  return {
    latencyUs: [latencyMs * 500, latencyMs * 1500],
    slowMessageShare: 0,
    breakAfterUs: BREAK_AFTER_US,
    fsyncUs: [fsyncMs * 750, fsyncMs * 1250],
    slowSyncShare: 0,
    clockRates: {},
  }
}
