import type { SimCluster } from '../../simulator/cluster.ts'
import type { MarkKind } from './view.ts'

/** Marks that are found by looking; told with what happened. */
export type Tell = (kind: MarkKind, text: string) => void

/** Who has changed, and by what: the disk, or else a timer or a message. */
export interface Changed {
  readonly who: string
  readonly by: 'server' | 'disk' | 'coordinator'
}

/** Notices, after each event, what a visitor would want to jump to. Looks only at a few numbers, so that a long run stays fast. */
export class MarkWatch {
  readonly #cluster: SimCluster
  readonly #tell: Tell
  readonly #lives = new Map<string, boolean>()
  readonly #terms = new Map<string, number>()
  readonly #epochs = new Map<string, number>()
  /** Sums of what can change by a timer or a disk, by process. */
  readonly #sums = new Map<string, number>()
  readonly #asked = new Map<string, number>()

  constructor(cluster: SimCluster, tell: Tell) {
    this.#cluster = cluster
    this.#tell = tell
  }

  /** @returns who has changed since the last look, if anybody has. */
  look(): Changed | null {
    let changed: Changed | null = null
    for (const coordinator of this.#cluster.coordinators) {
      const { name } = coordinator
      const raft = coordinator.member?.raft ?? null
      this.#alive(name)
      if (raft === null) continue
      const leads = raft.role.type === 'leader'
      if (leads && this.#terms.get(name) !== raft.term) {
        this.#terms.set(name, raft.term)
        this.#tell('election', `${name} leads term ${raft.term}`)
      }
      const role = raft.role.type.length
      if (this.#moved(name, raft.term * 1e9 + raft.commit * 1e3 + raft.log.last * 7 + role))
        changed = { who: name, by: 'coordinator' }
    }
    for (const server of this.#cluster.servers) {
      this.#alive(server.name)
      for (const replica of server.replicas?.values() ?? []) {
        const { chain, counters, log, walDurable, config, serving } = replica
        const place = `${server.name} ${chain}`
        const queries = counters.versionQueries + counters.barriers
        const before = this.#asked.get(place) ?? 0
        if (queries > before) this.#tell('dirty-read', `${server.name} asks what is committed`)
        if (queries !== before) this.#asked.set(place, queries)
        const sum = (config?.epoch ?? 0) * 1e9 + log.last * 1e5 + log.commit.seq * 11 + (serving ? 1 : 0)
        if (this.#moved(place, sum)) changed = { who: server.name, by: 'server' }
        if (this.#moved(`${place} disk`, walDurable)) changed = { who: server.name, by: 'disk' }
      }
    }
    this.#configs()
    return changed
  }

  #alive(name: string): void {
    const alive = this.#cluster.process(name)?.alive === true
    const before = this.#lives.get(name)
    if (before === alive) return
    this.#lives.set(name, alive)
    if (before !== undefined)
      this.#tell(alive ? 'restart' : 'crash', alive ? `${name} starts` : `${name} is down`)
  }

  #moved(place: string, sum: number): boolean {
    if (this.#sums.get(place) === sum) return false
    this.#sums.set(place, sum)
    return true
  }

  #configs(): void {
    for (const chain of this.#cluster.chains) {
      const config = this.#cluster.config(chain)
      if (config === null || this.#epochs.get(chain) === config.epoch) continue
      this.#epochs.set(chain, config.epoch)
      const members = config.members.map(({ server, serving }) =>
        serving ? server : `${server} (not yet serving)`,
      )
      const joining = config.joining === null ? '' : `, ${config.joining.server} joins`
      this.#tell('reconfiguration', `${chain} epoch ${config.epoch}: ${members.join(' > ')}${joining}`)
    }
  }
}
