import type { ReplicaEvent } from '../../chain/events.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { servingMembers } from '../../protocol/chain-config.ts'
import { asKey } from '../../protocol/ids.ts'
import { Clients } from './chain-clients.ts'
import { allowedChanges } from './chain-manager.ts'
import { type ChainServer, ChainWorld, type Link, Violation, type WorldOptions } from './chain-world.ts'

export interface WalkOptions {
  readonly seed: number
  readonly steps: number
  readonly trace?: boolean
  readonly onTurn?: (server: ChainServer) => void
  /** Default: the chain's. */
  readonly core?: WorldOptions['core']
}

export interface WalkResult {
  readonly world: ChainWorld
  readonly clients: Clients
  /** Rounds of healing until the chain was whole and every request had ended. */
  readonly healRounds: number
  readonly snapshots: number
}

const HEAL_ROUNDS_MAX = 250

/** One random walk: faults first, checked after every step; then everything is healed, and all that was asked must end. */
export function walk(options: WalkOptions): WalkResult {
  const faults = new Rng(options.seed ^ 0x5eed)
  const limits: Partial<ChainLimits> = {
    retainedBytesMax: faults.pick([1, 600, 2000, 1_000_000]),
    snapshotPageBytes: 1,
    snapshotPagesInFlight: faults.between(1, 2),
    appendBytesMax: faults.pick([1, 300, 100_000]),
    inFlightBytesMax: 100_000 + faults.pick([0, 400]),
    pageBytesMax: faults.pick([1, 1_000_000]),
    dirtyEntriesMax: faults.pick([4, 1000]),
  }
  const servers = faults.pick([2, 3, 3, 4, 4])
  const members = faults.chance(0.7) ? Math.min(3, servers) : faults.between(1, servers)
  const world = new ChainWorld({
    seed: options.seed,
    servers,
    members,
    limits,
    trace: options.trace === true,
    ...(options.core !== undefined && { core: options.core }),
  })
  const clients = new Clients(world, 3)
  world.onTurn = options.onTurn ?? null
  const actions = actionsOf(world, clients, faults)
  const bag = actions.flatMap(([weight, action]) => Array.from({ length: weight }, () => action))
  try {
    if (faults.chance(0.9)) for (const server of world.servers) world.tellConfig(server)
    if (faults.chance(0.3)) preload(world, clients)
    for (let i = 0; i < options.steps; i++) world.rng.pick(bag)()
    const healRounds = heal(world, clients, Math.min(3, servers))
    return { world, clients, healRounds, snapshots: world.snapshots }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const repeat = `repeat with seed ${options.seed}, ${options.steps} steps`
    const trace = world.trace === null ? '' : `\n${world.trace.slice(-200).join('\n')}`
    throw new Violation(`${error.message} (${repeat})${trace}`, { cause: error })
  }
}

/** Some more keys, so that a snapshot has several pages. */
function preload(world: ChainWorld, clients: Clients): void {
  const [first] = world.servers
  if (first === undefined) return
  for (const server of world.servers) world.tellConfig(server)
  for (let i = 0; i < 20; i++) world.turn(first, [clients.put(asKey(`f${i}`), 1)])
  for (let round = 0; round < 8; round++) settle(world)
}

/** Everything arrives, everything is synced. */
function settle(world: ChainWorld): void {
  for (const link of world.busyLinks()) world.turn(link.to, world.take(link, link.messages.length))
  for (const server of world.servers) {
    if (server.up && server.log.unsynced > 0) world.sync(server)
    while (server.synced.length > 0) world.tellSynced(server)
    if (server.flushes > 0) world.flushStore(server)
  }
}

function actionsOf(world: ChainWorld, clients: Clients, faults: Rng): [number, () => void][] {
  const { rng } = world
  const on = (weight: number, probability = 0.7) => (faults.chance(probability) ? weight : 0)
  const leaves = faults.chance(0.5)
  const weak = faults.chance(0.7)
  const some = (): ChainServer => rng.pick(world.servers)
  const headOrSome = (): ChainServer => {
    const head = world.config.members[0]
    return head !== undefined && rng.chance(0.8) ? world.server(head.server) : some()
  }
  const place = (event: ReplicaEvent): ChainServer => (event.type === 'write' ? headOrSome() : memberOrSome())
  const upOr = (server: ChainServer, event: ReplicaEvent, more: readonly ReplicaEvent[] = []) => {
    if (server.up) world.turn(server, [...more, event])
    else if (event.type === 'read' || event.type === 'write') clients.onLost([event.request])
  }
  const slow = slowness(world, faults)
  const memberOrSome = (): ChainServer => {
    return rng.chance(0.8) && world.config.members.length > 0
      ? world.server(rng.pick(world.config.members).server)
      : some()
  }
  const change = () => {
    const changes = allowedChanges(world, { leaves, membersMax: world.servers.length })
    if (changes.length === 0 || world.configs.length >= 40) return
    rng.pick(changes).apply()
    tellSome()
  }
  const readEverywhere = () => {
    const first = rng.below(world.servers.length)
    const servers = [...world.servers.slice(first), ...world.servers.slice(0, first)]
    for (const server of servers) if (rng.chance(0.7)) upOr(server, clients.strongRead())
  }
  const tellSome = () => {
    for (const server of world.servers)
      if (!slow.deaf.has(server) && rng.chance(0.6)) world.tellConfig(server)
  }
  /** A server is declared dead or gone at once, those that are not cut off hear of it, and clients read. */
  const depose = () => {
    const server = memberOrSome()
    if (rng.chance(0.3)) world.crash(server)
    else world.lapseLease(server)
    const changes = allowedChanges(world, { leaves: false, membersMax: 0 })
    const evict = changes.find(({ name }) => name === `evict ${server.id}`)
    if (evict === undefined || world.configs.length >= 40) return
    evict.apply()
    tellSome()
    readEverywhere()
    for (let i = rng.below(8); i > 0; i--) deliver()
  }
  const deliver = () => {
    const links = world.busyLinks().filter((link) => !slow.links.has(link))
    if (links.length === 0) return
    const link = rng.pick(links)
    const events = world.take(link, rng.between(1, 4))
    const other = links.find(({ to, from }) => to === link.to && from !== link.from)
    if (other !== undefined && rng.chance(0.3)) events.push(...world.take(other, 1))
    if (rng.chance(0.1)) upOr(link.to, clients.request({ weak }), events)
    else world.turn(link.to, events)
  }
  return [
    [40, deliver],
    [
      14,
      () => {
        const event = clients.request({ weak })
        upOr(place(event), event)
      },
    ],
    [
      3,
      () => {
        const event = clients.retry()
        if (event !== null) upOr(headOrSome(), event)
      },
    ],
    [
      10,
      () => {
        const server = some()
        if (server.up && server.log.unsynced > 0) world.sync(server, rng.between(1, server.log.unsynced))
        if (rng.chance(0.5)) world.tellSynced(server)
      },
    ],
    [10, () => world.tellSynced(some())],
    [2, () => world.flushStore(some())],
    [on(1), () => world.trimLog(some())],
    [
      8,
      () => {
        world.nowMs += rng.below(60)
        world.turn(some(), [{ type: 'tick' }])
      },
    ],
    [
      1,
      () => {
        world.nowMs += rng.below(600)
      },
    ],
    [
      10,
      () => {
        const server = some()
        if (!slow.deaf.has(server))
          world.tellConfig(server, rng.chance(0.8) ? world.config : rng.pick(world.configs))
      },
    ],
    [3, slow.redraw],
    [8, () => world.deliverReport(some())],
    [4, change],
    [3, readEverywhere],
    [on(1, 0.8), depose],
    [on(1, 0.5), () => world.crash(some())],
    [3, () => world.start(some())],
    [on(1), () => world.lapseLease(some())],
    [2, () => world.renewLease(some())],
    [
      on(1),
      () => {
        const server = some()
        if (server.up && !server.leased && !server.expired) world.expireSession(server)
      },
    ],
    [1, () => world.tellSessionLost(some())],
    [2, () => world.openSession(some())],
    [
      on(3),
      () => {
        const a = some()
        const b = some()
        if (a !== b) world.breakLink(a, b)
      },
    ],
  ]
}

/** Links and watches that bring nothing for a while, at random or as a partition: what makes a server live in the past. */
function slowness(world: ChainWorld, faults: Rng) {
  const { rng } = world
  const probability = faults.pick([0, 0.2, 0.5])
  const links = new Set<Link>()
  const deaf = new Set<ChainServer>()
  const redraw = () => {
    links.clear()
    deaf.clear()
    for (const server of world.servers) if (rng.chance(probability)) deaf.add(server)
    const cutOff = rng.chance(0.5)
    for (const link of world.links) {
      const crosses = deaf.has(link.from) !== deaf.has(link.to)
      if (cutOff ? crosses : rng.chance(probability)) links.add(link)
    }
  }
  return { links, deaf, redraw }
}

/** No more faults: the chain becomes whole, everything that was asked is answered, and all replicas hold the same. */
function heal(world: ChainWorld, clients: Clients, membersMax: number): number {
  world.note(() => 'HEAL')
  for (let round = 1; round <= HEAL_ROUNDS_MAX; round++) {
    world.nowMs += 60
    for (const server of world.servers) {
      world.start(server)
      world.openSession(server)
      world.renewLease(server)
      world.tellConfig(server)
      world.turn(server, [{ type: 'tick' }])
    }
    for (let i = 0; i < 4; i++) settle(world)
    for (const server of world.servers) while (server.reports.length > 0) world.deliverReport(server)
    allowedChanges(world, { leaves: false, membersMax })[0]?.apply()
    const head = world.config.members[0]
    if (round % 5 === 0 && head !== undefined) {
      for (const event of clients.retryAll()) world.turn(world.server(head.server), [event])
    }
    if (isWhole(world, clients, membersMax)) {
      checkHealed(world, clients)
      return round
    }
  }
  const states = world.servers.map(({ id, replica }) => `${id}: ${JSON.stringify(summary(replica))}`)
  throw new Violation(
    `not whole after ${HEAL_ROUNDS_MAX} rounds: ${clients.waiting} requests wait; ${JSON.stringify(world.config)}; ${states.join('; ')}`,
  )
}

const summary = (replica: ChainServer['replica']) =>
  replica === null
    ? null
    : {
        epoch: replica.config?.epoch,
        serving: replica.serving,
        last: replica.log.last,
        commit: replica.log.commit.seq,
        durable: replica.walDurable,
        above: replica.upstreamDurable,
        up: replica.upstream && { linked: replica.upstream.linked, target: replica.upstream.target },
        incoming: replica.incoming,
        reads: replica.waitingReads.length,
        question: replica.question?.kind,
        report: replica.reportState,
      }

function isWhole(world: ChainWorld, clients: Clients, membersMax: number): boolean {
  const { config } = world
  if (config.joining !== null || config.members.length < membersMax || clients.waiting > 0) return false
  if (servingMembers(config).length < config.members.length) return false
  return config.members.every(({ server, incarnation }) => {
    const { replica } = world.server(server)
    return (
      replica?.incarnation === incarnation &&
      replica.serving &&
      replica.config?.epoch === config.epoch &&
      replica.log.commit.seq === clients.committed.length &&
      replica.log.last === clients.committed.length
    )
  })
}

function checkHealed(world: ChainWorld, clients: Clients): void {
  const { committed } = clients
  for (const { server: id } of world.config.members) {
    const server = world.server(id)
    const items = server.store.scan({ prefix: asKey(''), after: null, limit: 1000 })
    const keys = committed.keysAt(committed.length)
    const same =
      items.length === keys.length &&
      items.every(({ key, version }) => committed.stateAt(key, committed.length)?.version === version)
    if (!same) throw new Violation(`${id} holds other keys than were committed`)
    const before = clients.waiting
    world.turn(server, [clients.strongRead()])
    if (clients.waiting > before) throw new Violation(`${id} does not answer a read of clean keys at once`)
  }
}
