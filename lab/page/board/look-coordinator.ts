/** Coordinators and their tree, as a view shows them. */
import { asLogIndex } from '../../../coordinator/raft/ids.ts'
import type { Raft } from '../../../coordinator/raft/state.ts'
import { statusOf } from '../../../coordinator/raft/state.ts'
import type { ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import type { SimCluster } from '../../simulator/cluster.ts'
import type { SimCoordinator } from '../../simulator/coordinator/sim-coordinator.ts'
import type { SimProcess } from '../../simulator/kernel/process.ts'
import { processView } from './look-server.ts'
import { commandText } from './message-words.ts'
import { bytesText, shortened } from './value-text.ts'
import {
  type ConfigView,
  type CoordinatorView,
  LOG_SHOWN_MAX,
  type RaftSlotView,
  type RaftView,
  type SessionView,
  type WatchView,
  ZNODES_SHOWN_MAX,
  type ZnodeView,
} from './view.ts'

const DATA_MAX = 400

export function coordinatorView(
  coordinator: SimCoordinator,
  process: SimProcess,
  manages: boolean,
): CoordinatorView {
  const raft = coordinator.member?.raft ?? null
  return { ...processView(process), raft: raft === null ? null : raftView(raft), manages }
}

function raftView(raft: Raft): RaftView {
  const { role, term, leader, last, durable, commit, snapshot, peers } = statusOf(raft)
  return {
    role,
    term,
    votedFor: raft.votedFor,
    leader,
    votes: 'grants' in raft.role ? [...raft.role.grants].sort() : [],
    last,
    durable,
    commit,
    snapshot: { index: snapshot.lastIndex, term: snapshot.lastTerm },
    log: slotsOf(raft),
    peers: peers.map(({ member, match, next }) => ({ name: member, match, next })),
  }
}

function slotsOf({ log, commit }: Raft): RaftSlotView[] {
  const from = Math.max(log.base.lastIndex + 1, log.last - LOG_SHOWN_MAX + 1)
  if (from > log.last) return []
  return log.slice(asLogIndex(from), log.last).map(({ index, term, command }) => ({
    index,
    term,
    text: slotText(command),
    committed: index <= commit,
  }))
}

/** Decoding is what a view would cost most, so it is done once for each command. */
const texts = new WeakMap<Uint8Array, string>()

function slotText(command: Uint8Array | null): string {
  if (command === null) return 'no-op'
  let text = texts.get(command)
  if (text === undefined) {
    text = commandText(command)
    texts.set(command, text)
  }
  return text
}

/** Of the coordinator that has applied most; null while all are down. */
export function newestTree(cluster: SimCluster): ZnodeTree | null {
  let newest: ZnodeTree | null = null
  for (const { member } of cluster.coordinators)
    if (member !== null && (newest === null || member.tree.zxid > newest.zxid)) newest = member.tree
  return newest
}

export function znodeViews(tree: ZnodeTree): ZnodeView[] {
  const views: ZnodeView[] = []
  for (const path of [...tree.nodes.keys()].sort().slice(0, ZNODES_SHOWN_MAX)) {
    const node = tree.nodes.get(path)
    if (node === undefined) continue
    const { data, dataVersion, czxid, mzxid, ephemeralOwner } = node
    const owner = ephemeralOwner === 0n ? null : ephemeralOwner.toString(16)
    const text =
      data === null ? '' : shortened(new TextDecoder().decode(data.subarray(0, DATA_MAX)), DATA_MAX)
    views.push({ path, data: text, dataVersion, czxid, mzxid, owner })
  }
  return views
}

export const sessionViews = (tree: ZnodeTree): SessionView[] =>
  [...tree.sessions.values()].map(({ id, timeoutMs, owner, ephemerals }) => {
    const paths = [...ephemerals].sort()
    const server = paths.find((path) => path.startsWith('/catenary/servers/'))
    const manager = paths.find((path) => path.startsWith('/catenary/manager/'))
    return {
      id: id.toString(16),
      timeoutMs,
      at: `coordinator-${owner.member}`,
      ephemerals: paths,
      who: server?.split('/')[3] ?? (manager === undefined ? null : managerOf(tree, manager)),
    }
  })

const managerOf = (tree: ZnodeTree, path: string): string | null =>
  bytesText(tree.nodes.get(path)?.data ?? null)

export const watchViews = (cluster: SimCluster): WatchView[] =>
  cluster.coordinators.flatMap(({ name, member }) =>
    member === null ? [] : [{ coordinator: name, count: member.watches.count }],
  )

export const configViews = (cluster: SimCluster): ConfigView[] =>
  cluster.chains.flatMap((chain) => {
    const config = cluster.config(chain)
    if (config === null) return []
    const members = config.members.map(({ server, serving, leaving }) => ({ server, serving, leaving }))
    return [{ chain, epoch: config.epoch, members, joining: config.joining?.server ?? null }]
  })
