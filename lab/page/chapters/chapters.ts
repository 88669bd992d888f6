import { ONE_SERVER } from './01-one-server.ts'
import { SPLIT_BRAIN } from './02-split-brain.ts'
import { CHAIN_REPLICATION } from './03-chain-replication.ts'
import { MEMBERS_DIE } from './04-members-die.ts'
import { READS_AT_THE_TAIL } from './05-reads-at-the-tail.ts'
import { CLEAN_AND_DIRTY } from './06-clean-and-dirty.ts'
import { OLD_CLEAN_VALUE } from './07-old-clean-value.ts'
import { WHO_DECIDES } from './08-who-decides.ts'
import { LEASES } from './09-leases.ts'
import { JOINING } from './10-joining.ts'
import { POWER_CUTS } from './11-power-cuts.ts'
import { RAFT } from './12-raft.ts'
import { ZOOKEEPER } from './13-zookeeper.ts'
import { LINEARIZABILITY } from './14-linearizability.ts'
import { CHAIN_OR_QUORUM } from './15-chain-or-quorum.ts'
import type { Chapter } from './chapter.ts'

/** The guide, in order. Each chapter's text is docs/guide/<file>. */
export const CHAPTERS: readonly Chapter[] = [
  ONE_SERVER,
  SPLIT_BRAIN,
  CHAIN_REPLICATION,
  MEMBERS_DIE,
  READS_AT_THE_TAIL,
  CLEAN_AND_DIRTY,
  OLD_CLEAN_VALUE,
  WHO_DECIDES,
  LEASES,
  JOINING,
  POWER_CUTS,
  RAFT,
  ZOOKEEPER,
  LINEARIZABILITY,
  CHAIN_OR_QUORUM,
]
