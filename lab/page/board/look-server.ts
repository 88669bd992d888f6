/** Data servers, as a view shows them. */
import { chainDurableOf, durableOf, isJoiner, type Replica, selfMember } from '../../../chain/state.ts'
import { positionOf } from '../../../protocol/chain-config.ts'
import { asSeq, type Key } from '../../../protocol/ids.ts'
import type { SimProcess } from '../../simulator/kernel/process.ts'
import type { SimDataServer } from '../../simulator/server/sim-data-server.ts'
import { bytesText, entryText } from './value-text.ts'
import {
  type ChainEntryView,
  KEYS_SHOWN_MAX,
  type KeyView,
  type LeaseView,
  LOG_SHOWN_MAX,
  type ProcessView,
  type ReplicaRole,
  type ReplicaView,
  type ServerView,
  type VersionView,
} from './view.ts'

/** As the coordinators' side has it: a tenth is left for clocks that drift (DESIGN section 5). */
const LEASE_SHARE = 0.9

export function processView(process: SimProcess): ProcessView {
  const { name, alive, paused, life, clockRate, costUs } = process
  const state = !alive ? 'crashed' : paused ? 'paused' : 'up'
  return { name, state, life, clockRate, slowMs: costUs / 1000 }
}

/** @param startUs - virtual time at which the visitor's time begins. */
export function serverView(
  server: SimDataServer,
  { sessionTimeoutMs, startUs }: { readonly sessionTimeoutMs: number; readonly startUs: number },
): ServerView {
  const replicas = [...(server.replicas?.values() ?? [])]
  return {
    ...processView(server.process),
    replicas: replicas.map(replicaView),
    lease: leaseView(server.process, replicas, { lengthMs: sessionTimeoutMs * LEASE_SHARE, startUs }),
  }
}

/** By the server's own clock, put into the time of the page. */
function leaseView(
  process: SimProcess,
  replicas: readonly Replica[],
  { lengthMs, startUs }: { readonly lengthMs: number; readonly startUs: number },
): LeaseView | null {
  const until = Math.max(0, ...replicas.map(({ leaseUntil }) => leaseUntil))
  if (until <= 0) return null
  const nowMs = (process.kernel.scheduler.nowUs - startUs) / 1000
  return { untilMs: Math.round(nowMs + (until - process.nowMs()) / process.clockRate), lengthMs }
}

function replicaView(replica: Replica): ReplicaView {
  const { chain, config, serving, log, question, waitingReads, behindReads } = replica
  return {
    chain,
    role: roleOf(replica),
    epoch: config?.epoch ?? 0,
    serving,
    leaving: selfMember(replica)?.leaving ?? false,
    last: log.last,
    durable: durableOf(replica),
    chainDurable: chainDurableOf(replica),
    commit: log.commit.seq,
    log: logOf(replica),
    keys: keysOf(replica),
    waitingReads: waitingReads.length + behindReads.length + (question?.reads.length ?? 0),
    question: question?.kind ?? null,
  }
}

function roleOf(replica: Replica): ReplicaRole {
  const { config, self } = replica
  if (config === null) return 'outside'
  if (isJoiner(replica)) return 'joining'
  if (selfMember(replica) === null) return positionOf(config, self) >= 0 ? 'outside' : 'removed'
  const position = positionOf(config, self)
  if (config.members.length === 1) return 'only'
  if (position === 0) return 'head'
  return position === config.members.length - 1 ? 'tail' : 'middle'
}

function logOf({ log }: Replica): ChainEntryView[] {
  const views: ChainEntryView[] = []
  for (let seq = Math.max(log.base.seq + 1, log.last - LOG_SHOWN_MAX + 1); seq <= log.last; seq++) {
    const entry = log.entryAt(asSeq(seq))
    if (entry === null) continue
    const state = seq > log.commit.seq ? 'dirty' : 'clean'
    views.push({ seq, epoch: entry.epoch, text: entryText(entry), state })
  }
  return views
}

/** Dirty keys first find a place; then clean ones, as many as there is room for. */
function keysOf({ store, log }: Replica): KeyView[] {
  const dirty = [...log.dirtyKeys()].slice(0, KEYS_SHOWN_MAX)
  const keys = new Set<Key>(dirty)
  for (const { key } of store.scan({ prefix: '' as Key, after: null, limit: KEYS_SHOWN_MAX })) {
    if (keys.size >= KEYS_SHOWN_MAX) break
    keys.add(key)
  }
  return [...keys].sort().map((key) => {
    const versions: VersionView[] = (log.dirtyVersions(key) ?? [])
      .map(({ seq, write }): VersionView => ({ version: seq, value: bytesText(write.value), state: 'dirty' }))
      .reverse()
    const clean = store.get(key)
    if (clean !== null)
      versions.push({ version: clean.version, value: bytesText(clean.value), state: 'clean' })
    return { key, versions }
  })
}
