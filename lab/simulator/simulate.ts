import { hasFixedMembers, type Replication } from '../../protocol/cluster.ts'
import { check } from '../checker/check.ts'
import { keyValueModel } from '../checker/models/key-value.ts'
import type { Operation } from '../checker/operations.ts'
import type { Judgement, Verdict } from '../checker/verdict.ts'
import { operationsOf } from './client/history.ts'
import { type ClusterShape, SimCluster } from './cluster.ts'
import { faultTargetOf } from './cluster-faults.ts'
import type { MakeSimHost } from './copy-groups.ts'
import { drawFaults } from './faults/draw.ts'
import { CHANGES_OF_MEMBERS, DEFAULT_KINDS, type FaultKind } from './faults/kinds.ts'
import { Nemesis } from './faults/nemesis.ts'
import { type FaultPlan, promisesOf } from './faults/plan.ts'
import { drawStorm } from './faults/storm.ts'
import { Rng } from './kernel/rng.ts'
import { Trace, type TraceReader } from './kernel/trace.ts'
import type { SimulationFailure, SimulationResult } from './result.ts'
import { ephemeralsOf } from './znode-client/ephemerals.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Drawn from the seed where it is not said: 3 to 5. */
  readonly servers?: number
  /** Default: 8. */
  readonly clients?: number
  /** Default: 2. */
  readonly chains?: number
  /** How long faults press, in virtual seconds. Drawn from the seed where it is not said: 10 to 30. */
  readonly faultSeconds?: number
  /** Kinds that may be drawn. Default: all within what is promised. */
  readonly faults?: readonly FaultKind[]
  /** What is done to the cluster, instead of what the seed would draw. */
  readonly plan?: FaultPlan
  readonly shape?: Partial<ClusterShape>
  /** What keeps the copies alike. Default: craq. */
  readonly replication?: Replication
  /** Instead of what `replication` names: for mutants of it. */
  readonly makeHost?: MakeSimHost
  /** Is given every event. */
  readonly trace?: TraceReader
}

/** Bounds on what must have happened after everything was healed, in virtual seconds. */
const BEGIN_WITHIN_S = 120
const WHOLE_WITHIN_S = 120
const ANSWERED_WITHIN_S = 30
const READ_WITHIN_S = 60

/**
 * Runs a cluster under faults, then heals it, and judges everything that was seen (FoundationDB's way: Zhou et al. 2021, §4). First phase: faults strike while clients work, and after each
 * step of each process the observer looks for a broken invariant. Second phase: everything is healed, and the cluster must come back to its full strength, every client must get
 * its answers, and every key must be readable. At last the history of what clients saw goes to the checker.
 *
 * A run is a function of its options: the same ones give the same trace on every machine.
 *
 * @example
 * const { failure } = await simulate({ seed: 42 })
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const rng = new Rng(options.seed)
  const shape = (isStorm(rng, options) ? drawStormShape : drawShape)(rng.fork('shape'), options)
  const plan = options.plan ?? drawPlan(rng, shape, options)
  const cluster = new SimCluster({
    shape: { ...shape, clients: plan.clients },
    environment: plan.environment,
    rng: rng.fork('cluster'),
    trace: new Trace(options.trace),
    leasesHold: promisesOf(plan).leasesHold,
    ...(options.makeHost === undefined ? {} : { makeHost: options.makeHost }),
  })
  const faultsDone = await live(cluster, plan)
  const verdicts = [judge(cluster, plan), judgeZnodes(cluster)]
  return resultOf(cluster, plan, faultsDone, verdicts)
}

/** Of clients while the cluster recovers, which may take it minutes. */
const REST_MS = [10, 300] as const
/** Clients that hardly rest fill batches and queues. What they do in a while costs as much as many other runs, so it is a short while. */
const HASTE = [1, 20] as const
const HASTE_IS_SHORT = 4

function drawShape(rng: Rng, options: SimulationOptions): ClusterShape {
  const servers = options.servers ?? rng.pick([3, 3, 4, 4, 5])
  return {
    coordinators: rng.chance(0.1) ? 5 : 3,
    servers,
    serversMax: servers + 2,
    chains: options.chains ?? 2,
    replicationFactor: rng.pick([2, 3, 3, Math.min(4, servers)]),
    clients: options.clients ?? 8,
    durability: 'sync',
    sessionTimeoutMs: rng.pick([1000, 2000, 2000, 4000]),
    thinkMs: rng.pick([HASTE, [10, 300], [20, 600], [50, 1500]] as const),
    plainClients: rng.pick([0, 0.25, 1]),
    echoShare: rng.fork('echoes').pick([0, 0.3, 1]),
    codec: rng.chance(0.05),
    snapshotEntries: rng.pick([50, 300, 10_000]),
    retainedBytesMax: rng.pick([2_000, 20_000, 64 * 1024 * 1024]),
    ...drawZnodeClients(rng.fork('znode clients')),
    turnUs: rng.pick([0, 0, 0, 20, 200]),
    pace: rng.pick([1, 2, 2]),
    ...drawReplication(rng, servers, options),
    ...options.shape,
  }
}

/** A quorum of an even number of members is no better than one of one less. */
function drawReplication(
  rng: Rng,
  servers: number,
  { replication }: SimulationOptions,
): Partial<ClusterShape> {
  if (replication === undefined) return {}
  if (!hasFixedMembers(replication)) return { replication }
  const dice = rng.fork('quorum')
  return {
    replication,
    replicationFactor: Math.min(servers, dice.pick([3, 3, 5])),
    // A state travels only where entries are gone: so they go early.
    retainedBytesMax: dice.pick([100, 1_000, 64 * 1024 * 1024]),
  }
}

/** One run in so many is a storm of elections; each one, where no other kind of fault may be drawn. */
const STORM_SHARE = 1 / 8

function isStorm(rng: Rng, options: SimulationOptions): boolean {
  const { plan, faults, servers, clients, chains, shape, replication } = options
  if (plan !== undefined) return plan.storm === true
  // Who says what the cluster is made of does not want another one.
  if ([servers, clients, chains, shape, replication].some((said) => said !== undefined)) return false
  if (faults !== undefined && !faults.includes('elections')) return false
  return faults?.length === 1 || rng.fork('storm').chance(STORM_SHARE)
}

function drawStormShape(rng: Rng, options: SimulationOptions): ClusterShape {
  return {
    ...drawShape(rng, options),
    coordinators: rng.pick([3, 3, 5]),
    servers: 0,
    serversMax: 0,
    chains: 0,
    clients: 0,
    sessionTimeoutMs: 4_000,
    znodeClients: 3,
    znodeThinkMs: rng.pick([
      [3, 60],
      [20, 300],
    ] as const),
    // Elections that are short against the latency are often split.
    pace: rng.pick([0.4, 0.6, 1]),
    ...options.shape,
  }
}

const drawZnodeClients = (rng: Rng) => ({
  znodeClients: rng.pick([2, 3]),
  znodeThinkMs: rng.pick([
    [3, 60],
    [10, 200],
    [50, 800],
  ] as const),
})

function drawPlan(rng: Rng, shape: ClusterShape, options: SimulationOptions): FaultPlan {
  const names = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`)
  const long = rng.fork('duration').between(10, 30)
  const isHasty = shape.thinkMs === HASTE && shape.clients > 0
  const seconds = options.faultSeconds ?? (isHasty ? long / HASTE_IS_SHORT : long)
  const drawn = {
    seed: options.seed,
    durationMs: seconds * 1000,
    coordinators: names('coordinator-', shape.coordinators),
    servers: names('n', shape.servers),
    clients: shape.clients + shape.znodeClients,
    chains: names('c', shape.chains).map((_, i) => `c${i}`),
    sessionTimeoutMs: shape.sessionTimeoutMs,
    ...drawKinds(options),
  }
  const plan = (shape.servers === 0 ? drawStorm : drawFaults)(rng.fork('faults'), drawn)
  return { ...plan, clients: shape.clients }
}

function drawKinds({ faults, replication = 'craq' }: SimulationOptions): { kinds?: readonly FaultKind[] } {
  if (!hasFixedMembers(replication)) return faults === undefined ? {} : { kinds: faults }
  return { kinds: (faults ?? DEFAULT_KINDS).filter((kind) => !CHANGES_OF_MEMBERS.includes(kind)) }
}

/** Both phases. @returns how many faults were done. */
async function live(cluster: SimCluster, plan: FaultPlan): Promise<number> {
  const stage = new Stage(cluster)
  cluster.boot()
  await stage.until('the chains begin', BEGIN_WITHIN_S, () => cluster.isWhole)
  const nemesis = new Nemesis(faultTargetOf(cluster), plan)
  for (const { process } of cluster.clients) cluster.start(process.name)
  for (const { name } of cluster.znodeClients) cluster.start(name)
  nemesis.begin()
  await stage.pass(plan.durationMs / 1000)
  const struck = plan.actions.filter(({ atMs }) => atMs <= plan.durationMs).length
  nemesis.heal()
  for (const workload of cluster.workloads) workload.rest(REST_MS)
  await stage.until('the chains are whole again', WHOLE_WITHIN_S, () => nemesis.healed && cluster.isWhole)
  const all = [...cluster.workloads, ...cluster.znodeClients]
  for (const workload of all) workload.finish()
  await stage.until('every client has its answer', ANSWERED_WITHIN_S, () =>
    all.every(({ open }) => open === 0),
  )
  await endZnodes(cluster, stage)
  const { workloads, groups } = cluster
  let read = 0
  workloads.forEach((workload, i) => {
    const share = groups.all.filter((_, place) => place % workloads.length === i)
    workload.readAll(share, () => {
      read++
    })
  })
  await stage.until('every key can be read', READ_WITHIN_S, () => read === workloads.length)
  stage.end()
  return struck
}

/** Every client has a session that works, and of the sessions that are over no ephemeral is left. */
async function endZnodes({ znodeClients, observer }: SimCluster, stage: Stage): Promise<void> {
  let working = 0
  for (const client of znodeClients)
    client.readAtLast(() => {
      working++
    })
  await stage.until('every session works or is renewed', READ_WITHIN_S, () => working === znodeClients.length)
  await stage.until('ephemerals of sessions that are over are gone', READ_WITHIN_S, () =>
    ephemeralsOf(observer.tree.tree).every((owner) =>
      znodeClients.some(({ sessionId }) => sessionId === owner),
    ),
  )
}

/** Lets virtual time pass, until something fails. */
class Stage {
  readonly #cluster: SimCluster

  constructor(cluster: SimCluster) {
    this.#cluster = cluster
  }

  async pass(seconds: number): Promise<void> {
    const { scheduler } = this.#cluster
    await scheduler.runUntil(scheduler.nowUs + seconds * 1e6, () => this.#cluster.failure !== null)
  }

  /** What must come true within so many virtual seconds. */
  async until(what: string, seconds: number, holds: () => boolean): Promise<void> {
    const { scheduler } = this.#cluster
    const giveUpUs = scheduler.nowUs + seconds * 1e6
    while (this.#cluster.failure === null && !holds()) {
      if (scheduler.nowUs >= giveUpUs) {
        this.#cluster.fail('stuck', `waited ${seconds} s in vain: ${what}`, describeChains(this.#cluster))
        return
      }
      await this.pass(0.1)
    }
  }

  end(): void {
    if (this.#cluster.failure !== null) return
    try {
      this.#cluster.observer.check()
      this.#cluster.copies?.observer.check()
    } catch (error) {
      this.#cluster.fail('invariant', error instanceof Error ? error.message : String(error))
    }
  }
}

function describeChains(cluster: SimCluster): string {
  const lines = cluster.chains.map((chain) => JSON.stringify(cluster.observer.config(chain)))
  for (const server of cluster.servers)
    for (const [chain, replica] of server.replicas ?? [])
      lines.push(
        `${server.name} ${chain}: epoch ${replica.config?.epoch}, serving ${replica.serving}, last ${replica.log.last}, commit ${replica.log.commit.seq}, report ${replica.reportState}`,
      )
  return [...lines, ...(cluster.copies?.describe() ?? [])].join('\n')
}

/** Each group of keys by itself: a hard one must not use up what the others need. */
function checkGroups(operations: readonly Operation[]): Verdict {
  const limits = { configurationsMax: CONFIGURATIONS_MAX }
  const verdicts = keyValueModel
    .partition(operations)
    .map((group) => check(group.operations, { model: 'transactions', limits }))
  const has = (wanted: Judgement) => verdicts.some(({ judgement }) => judgement === wanted)
  return {
    judgement: has('not-linearizable') ? 'not-linearizable' : has('unknown') ? 'unknown' : 'linearizable',
    model: 'transactions',
    operations: operations.length,
    parts: verdicts.flatMap(({ parts }) => parts),
  }
}

/** Effort for the history of one group of keys, in configurations of the search: nearly all need less than a thousand. */
const CONFIGURATIONS_MAX = 300_000

function judge(cluster: SimCluster, plan: FaultPlan): Verdict | null {
  const { leasesHold, writesStay } = promisesOf(plan)
  if (cluster.failure !== null || !leasesHold || !writesStay) return null
  const operations = operationsOf(cluster.history.events)
  const verdict = checkGroups(operations)
  const wrong = verdict.parts.find(({ judgement }) => judgement === 'not-linearizable')
  if (wrong !== undefined)
    cluster.failure = {
      kind: 'history',
      what: `keys ${wrong.name}: ${wrong.reason}`,
      details: (wrong.smallest ?? []).map((operation) => JSON.stringify(operation)).join('\n'),
      verdict,
    }
  return verdict
}

/** Of the coordinators' tree everything is promised, whatever becomes of leases and chains. */
function judgeZnodes(cluster: SimCluster): Verdict | null {
  if (cluster.failure !== null) return null
  const verdict = check(operationsOf(cluster.znodes.history.events), {
    model: 'znodes',
    limits: { configurationsMax: CONFIGURATIONS_MAX },
  })
  const wrong = verdict.parts.find(({ judgement }) => judgement === 'not-linearizable')
  if (wrong !== undefined)
    cluster.failure = {
      kind: 'history',
      what: `znodes ${wrong.name}: ${wrong.reason}`,
      details: (wrong.smallest ?? []).map((operation) => JSON.stringify(operation)).join('\n'),
      verdict,
    }
  return verdict
}

function resultOf(
  cluster: SimCluster,
  plan: FaultPlan,
  faultsDone: number,
  verdicts: readonly (Verdict | null)[],
): SimulationResult {
  const { scheduler, trace, history } = cluster
  const failure: SimulationFailure | null = cluster.failure
  return {
    seed: plan.seed,
    failure,
    traceHash: trace.hash,
    virtualSeconds: scheduler.nowUs / 1e6,
    events: scheduler.count,
    operations: { ...history.counts },
    znodeOperations: { ...cluster.znodes.history.counts },
    readings: { ...cluster.znodes.readings },
    plan,
    faultsDone,
    undecided: verdicts
      .flatMap((verdict) => verdict?.parts ?? [])
      .filter(({ judgement }) => judgement === 'unknown').length,
    history: history.events,
    znodeHistory: cluster.znodes.history.events,
  }
}
