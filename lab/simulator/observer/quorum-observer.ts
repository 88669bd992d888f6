import type { Raft } from '../../../coordinator/raft/state.ts'
import type { Entry } from '../../../protocol/entry.ts'
import { CommittedLog } from './committed-log.ts'
import { RaftObserver } from './raft-observer.ts'
import { must } from './violation.ts'

/** A data server that may be a member of quorums. */
export interface QuorumSight {
  readonly name: string
  /** Its part in a group; null while the process is down, or where it has none. */
  raftOf(chain: string): Raft | null
}

/** One group: its members as Raft's observer sees them, and what they have made of their log. */
interface Group {
  readonly raft: RaftObserver
  readonly members: ReadonlyMap<
    string,
    { readonly name: string; readonly raft: Raft | null; readonly tree: null }
  >
  readonly log: CommittedLog
}

/** Raft's five properties over each group of data servers; and that all replicas make the same of the same log, nothing twice. */
export class QuorumObserver {
  readonly #groups = new Map<string, Group>()

  constructor(servers: readonly QuorumSight[], chains: readonly string[]) {
    for (const chain of chains) {
      const members = servers.map((server) => ({
        name: server.name,
        get raft() {
          return server.raftOf(chain)
        },
        tree: null,
      }))
      this.#groups.set(chain, {
        raft: new RaftObserver({ coordinators: members, servers: [] }),
        members: new Map(members.map((member) => [member.name, member])),
        log: new CommittedLog(chain),
      })
    }
  }

  /** After each event of a process; names of others are ignored. */
  look(name: string): void {
    for (const { raft, members } of this.#groups.values()) {
      const member = members.get(name)
      if (member !== undefined) raft.look(member)
    }
  }

  /** A replica applies an entry, perhaps not for the first time. */
  applied(server: string, chain: string, entry: Entry): void {
    const { log } = this.#group(chain)
    if (entry.seq === log.last + 1) return log.push(entry, server)
    must(
      'StateMachineSafety',
      entry.seq <= log.last && log.isSame(entry),
      server,
      () =>
        `applies ${entry.epoch}/${entry.seq} of ${chain}; others have made something else of it, up to ${log.last}`,
    )
  }

  /** What the group has committed so far, and made of it. */
  committed(chain: string): CommittedLog {
    return this.#group(chain).log
  }

  /** Slow: all logs, whole. */
  check(): void {
    for (const { raft } of this.#groups.values()) raft.check()
  }

  #group(chain: string): Group {
    const group = this.#groups.get(chain)
    if (group === undefined) throw new RangeError(`no quorum is called ${chain}`)
    return group
  }
}
