/**
 * Primary/backup, to be compared with the chain (Chain Replication §4, CRAQ §1): the primary takes writes and answers reads, sends each entry to all
 * backups at once, and commits what is durable at every one of them. Log, store, exactly-once, links and snapshots are the chain's own: each backup is
 * the tail of a chain of two whose head is the primary, and the primary is the head of as many such chains over one log. What differs from the chain is who sends to
 * whom, and who decides.
 */

import { createReplica, type Replica, type ReplicaOptions, type WaitingRead } from '../../chain/state.ts'
import { type ChainConfig, memberOf } from '../../protocol/chain-config.ts'
import { type Millis, NO_SEQ, type Seq, type ServerId } from '../../protocol/ids.ts'

/** Asks every backup whether it is still one: what proves that a primary without a lease has not been replaced. */
export interface Round {
  readonly query: number
  readonly waitsFor: Set<ServerId>
  readonly reads: readonly WaitingRead[]
  readonly askedAt: Millis
}

export interface PrimaryBackup {
  /** This member's copy. Its configuration is the one that `viewOf` gives this member. */
  readonly replica: Replica
  /** As the manager wrote it. */
  config: ChainConfig | null
  /** At the primary: the copy as each backup (and the joiner) is linked to it. Empty elsewhere. */
  readonly links: Map<ServerId, Replica>
  /** At the primary: what its predecessor may have committed and shown. Nothing is read before that much has committed here. */
  readableFrom: Seq
  waitingReads: WaitingRead[]
  round: Round | null
  rounds: number
}

export function createPrimaryBackup(options: ReplicaOptions): PrimaryBackup {
  return {
    replica: createReplica(options),
    config: null,
    links: new Map(),
    readableFrom: NO_SEQ,
    waitingReads: [],
    round: null,
    rounds: 0,
  }
}

/** The first member in service that is not asked to leave; where all are, the first in service. */
export function primaryOf(config: ChainConfig): ServerId | null {
  const serving = config.members.filter((member) => member.serving)
  return (serving.find((member) => !member.leaving) ?? serving[0])?.server ?? null
}

export const isPrimary = ({ config, replica }: PrimaryBackup): boolean =>
  config !== null &&
  replica.alive &&
  primaryOf(config) === replica.self &&
  memberOf(config, replica.self)?.incarnation === replica.incarnation

/** Members in the order in which clients look for them: who takes writes comes first. */
export function primaryFirst(config: ChainConfig): ChainConfig {
  const primary = primaryOf(config)
  const first = config.members.filter(({ server }) => server === primary)
  return { ...config, members: [...first, ...config.members.filter(({ server }) => server !== primary)] }
}

/** A configuration as one server plays its part in it: the primary heads all of it, a backup or joiner follows the primary directly. */
export function viewOf(config: ChainConfig, server: ServerId): ChainConfig {
  const primary = primaryOf(config)
  const whole = primaryFirst(config)
  if (primary === server) return whole
  const part = config.members.filter((member) => member.server === primary || member.server === server)
  const joining = config.joining?.server === server ? config.joining : null
  if (joining === null && memberOf(config, server) === null) return whole
  return { ...primaryFirst({ ...config, members: part }), joining }
}
