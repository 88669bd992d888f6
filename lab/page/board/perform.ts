/** Does what the visitor wants. */
import { unreachable } from '../../../protocol/invariants.ts'
import type { SimCluster } from '../../simulator/cluster.ts'
import type { ParcelDeed } from '../../simulator/kernel/parcel.ts'
import type { SimProcess } from '../../simulator/kernel/process.ts'
import type { Action } from './action.ts'
import { actionText } from './action-text.ts'
import type { VisitorClient } from './visitor-client.ts'
import type { VisitorSession } from './visitor-session.ts'

/** What actions can reach. */
export interface Reach {
  readonly cluster: SimCluster
  readonly visitors: ReadonlyMap<string, VisitorClient>
  readonly session: VisitorSession
  /** Begins the next life of a client. */
  startClient(name: string): void
}

const DELAY_MS = 100

/** @returns why it cannot be done, or null. Nothing has happened where it cannot. */
export function perform(reach: Reach, action: Action): string | null {
  const { cluster } = reach
  switch (action.type) {
    case 'client': {
      const visitor = reach.visitors.get(action.client)
      return visitor === undefined ? `there is no ${action.client}` : visitor.do(action.op)
    }
    case 'znode':
      reach.session.do(action.op, actionText(action))
      return null
    case 'crash':
    case 'power-cut':
    case 'pause':
    case 'resume':
    case 'restart':
      return withProcess(cluster, action.node, (found) => changeLife(reach, found, action.type))
    case 'blackout':
      for (const { name } of machines(cluster)) changeLife(reach, cluster.process(name), 'power-cut')
      return null
    case 'slow':
      return withProcess(cluster, action.node, (found) => {
        found.slowDown(action.costMs * 1000)
        return null
      })
    case 'skew':
      return withProcess(cluster, action.node, (found) => {
        found.setClockRate(action.rate)
        return null
      })
    case 'cut':
    case 'heal':
    case 'slow-link':
      return changeLink(cluster, action)
    case 'isolate':
    case 'rejoin':
      return withProcess(cluster, action.node, () => isolate(cluster, action.node, action.type === 'isolate'))
    case 'heal-all':
      cluster.network.healAll()
      return null
    case 'message':
      return changeMessage(cluster, action)
    case 'drain':
    case 'undrain': {
      if (!cluster.servers.some(({ name }) => name === action.node))
        return `there is no server ${action.node}`
      cluster.operator[action.type](action.node)
      return null
    }
    case 'add-server': {
      if (cluster.servers.length >= cluster.shape.serversMax)
        return `there are ${cluster.servers.length} servers, which is as many as fit`
      cluster.addServer().boot()
      return null
    }
    default:
      return unreachable(action)
  }
}

const machines = (cluster: SimCluster): readonly { readonly name: string }[] => [
  ...cluster.servers,
  ...cluster.coordinators,
]

/** Those that the visitor sees: not the operator, nor the visitor. */
function withProcess(
  cluster: SimCluster,
  name: string,
  then: (found: SimProcess) => string | null,
): string | null {
  const seen = [
    ...machines(cluster).map((one) => one.name),
    ...cluster.clients.map(({ process }) => process.name),
  ]
  const found = seen.includes(name) ? cluster.process(name) : null
  return found === null ? `there is no ${name}` : then(found)
}

type LifeChange = 'crash' | 'power-cut' | 'pause' | 'resume' | 'restart'

function changeLife(reach: Reach, found: SimProcess | null, change: LifeChange): string | null {
  if (found === null) return null
  const { name } = found
  if (change === 'restart') {
    if (found.alive) return `${name} is up`
    if (reach.visitors.has(name)) reach.startClient(name)
    else reach.cluster.start(name)
    return null
  }
  if (!found.alive) return `${name} is down`
  if (change === 'pause' || change === 'resume') {
    if (found.paused === (change === 'pause')) return `${name} is ${found.paused ? 'paused' : 'not paused'}`
    found[change]()
    return null
  }
  const disk = [...reach.cluster.servers, ...reach.cluster.coordinators].find(
    (one) => one.name === name,
  )?.disk
  // The operating system outlives a crash, and writes out what it has in its cache.
  if (disk !== undefined) disk.keepsCache = change === 'crash'
  found.crash(change)
  return null
}

function changeLink(
  cluster: SimCluster,
  action: Extract<Action, { type: 'cut' | 'heal' | 'slow-link' }>,
): string | null {
  const { from, to } = action
  if (from === to) return 'a process has no link to itself that could be cut'
  return withProcess(cluster, from, () =>
    withProcess(cluster, to, () => {
      if (action.type === 'slow-link') {
        cluster.network.slow(from, to, action.factor)
        return null
      }
      const deed = action.type
      cluster.network[deed](from, to)
      if (action.both) cluster.network[deed](to, from)
      return null
    }),
  )
}

function isolate(cluster: SimCluster, node: string, away: boolean): null {
  const deed = away ? 'cut' : 'heal'
  for (const { name } of machines(cluster)) {
    if (name === node) continue
    cluster.network[deed](node, name)
    cluster.network[deed](name, node)
  }
  return null
}

function changeMessage(cluster: SimCluster, action: Extract<Action, { type: 'message' }>): string | null {
  const deed: ParcelDeed =
    action.do === 'delay' ? { type: 'delay', byUs: (action.byMs ?? DELAY_MS) * 1000 } : { type: action.do }
  // Bytes that are lost from the middle of a stream are never lost alone: the link breaks.
  if (deed.type === 'drop' && isOfStream(cluster, action.id))
    return cluster.network.byHand(action.id, { type: 'break' })
  return cluster.network.byHand(action.id, deed)
}

const isOfStream = ({ network }: SimCluster, id: number): boolean =>
  network.parcels().some((parcel) => parcel.id === id && parcel.door === 'client')
