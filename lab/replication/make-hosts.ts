/** What keeps copies alike in a cluster that is not a chain's: loaded only by servers of such a cluster. */
import type { Replication } from '../../protocol/cluster.ts'
import { unreachable } from '../../protocol/invariants.ts'
import type { MakeHost } from '../../runtime/server/replica-host.ts'

/** @returns null where the data server brings it itself. */
export async function makeHosts(replication: Replication): Promise<MakeHost | null> {
  switch (replication) {
    case 'craq':
    case 'chain':
      return null
    case 'raft':
    case 'raft-lease': {
      const { makeQuorumHosts } = await import('../quorum/make-quorum-hosts.ts')
      const rng = () => ({ next: () => Math.random() })
      return makeQuorumHosts({ lease: replication === 'raft-lease', rng })
    }
    case 'primary-backup': {
      const { PrimaryBackupHost } = await import('../primary-backup/host.ts')
      return (options) => new PrimaryBackupHost(options)
    }
    default:
      return unreachable(replication)
  }
}
