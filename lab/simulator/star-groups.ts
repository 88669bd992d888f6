import { type ChainConfig, memberOf } from '../../protocol/chain-config.ts'
import type { Entry } from '../../protocol/entry.ts'
import type { ChainId } from '../../protocol/ids.ts'
import { PrimaryBackupHost } from '../primary-backup/host.ts'
import { isPrimary, type PrimaryBackup } from '../primary-backup/state.ts'
import type { CopyGroups, MakeSimHost } from './copy-groups.ts'
import { CommittedLog } from './observer/committed-log.ts'
import { must } from './observer/violation.ts'
import type { SimDataServer } from './server/sim-data-server.ts'

/** Primaries and their backups. The manager forms and changes them as it does chains. */
export class StarGroups implements CopyGroups {
  readonly makeHost: MakeSimHost
  readonly observer: StarObserver
  readonly #servers: readonly SimDataServer[]
  readonly #chains: readonly ChainId[]
  readonly #membersWanted: number

  constructor(
    servers: readonly SimDataServer[],
    options: {
      readonly shape: { readonly replicationFactor: number }
      readonly chains: readonly ChainId[]
      readonly makeHost?: MakeSimHost
    },
  ) {
    this.#servers = servers
    this.#chains = options.chains
    this.#membersWanted = options.shape.replicationFactor
    this.makeHost = options.makeHost ?? (() => (host) => new PrimaryBackupHost(host))
    this.observer = new StarObserver(servers, options.chains)
  }

  watch(): void {}

  readonly onCommitted = (server: SimDataServer, chain: ChainId, entry: Entry): void =>
    this.observer.applied(server, chain, entry)

  config(): null {
    return null
  }

  /** Whether as many members as there should be serve, and nothing is under way. */
  isWhole(chain: ChainId, formed: ChainConfig | null): boolean {
    const wanted = Math.min(this.#membersWanted, this.#servers.length)
    if (formed === null || formed.joining !== null || formed.members.length < wanted) return false
    return formed.members.every(({ server, incarnation, serving, leaving }) => {
      const found = this.#servers.find(({ id }) => id === server)
      const replica = found === undefined ? null : (starAt(found, chain)?.replica ?? null)
      return serving && !leaving && replica?.serving === true && replica.incarnation === incarnation
    })
  }

  describe(): string[] {
    return this.#servers.flatMap((server) =>
      this.#chains.map((chain) => {
        const star = starAt(server, chain)
        if (star === null) return `${server.name} ${chain}: no part in it`
        const { serving, log, walDurable, reportState } = star.replica
        const role = isPrimary(star) ? 'primary' : 'backup'
        return `${server.name} ${chain}: ${role} in epoch ${star.config?.epoch}, serving ${serving}, last ${log.last}, durable ${walDurable}, commit ${log.commit.seq}, report ${reportState}`
      }),
    )
  }
}

/** That all copies make the same of the same log, nothing twice, and call nothing committed that a member could still lose. */
class StarObserver {
  readonly #servers: readonly SimDataServer[]
  readonly #logs: ReadonlyMap<string, CommittedLog>

  constructor(servers: readonly SimDataServer[], chains: readonly ChainId[]) {
    this.#servers = servers
    this.#logs = new Map(chains.map((chain) => [chain, new CommittedLog(chain)]))
  }

  look(): void {}

  applied(server: SimDataServer, chain: ChainId, entry: Entry): void {
    const log = this.committed(chain)
    if (entry.seq === log.last + 1) {
      this.#checkDurable(server, chain, entry)
      return log.push(entry, server.name)
    }
    must(
      'CleanMeansCommitted',
      entry.seq <= log.last && log.isSame(entry),
      server.name,
      () =>
        `commits ${entry.epoch}/${entry.seq} of ${chain}; committed was something else, up to ${log.last}`,
    )
  }

  /** AckAfterDurable: the first to call it committed knows that every member of its epoch has it on its disk. */
  #checkDurable(server: SimDataServer, chain: ChainId, entry: Entry): void {
    const config = starAt(server, chain)?.config ?? null
    for (const { server: name, incarnation } of config?.members ?? []) {
      const member = this.#servers.find(({ id }) => id === name)
      const life = member === undefined ? null : starAt(member, chain)
      if (member === undefined || life === null || life.replica.incarnation !== incarnation) continue
      must(
        'AckAfterDurable',
        member.durablyHolds(chain, entry) !== null,
        server.name,
        () => `commits ${entry.epoch}/${entry.seq} of ${chain}, which ${name} could still lose`,
      )
    }
  }

  committed(chain: string): CommittedLog {
    const log = this.#logs.get(chain)
    if (log === undefined) throw new RangeError(`no copies are called ${chain}`)
    return log
  }

  /** Slow: every copy that stands at the newest committed entry holds what it should. */
  check(): void {
    for (const [chain, log] of this.#logs) {
      for (const server of this.#servers) {
        const star = starAt(server, chain as ChainId)
        const isMember = star?.config != null && memberOf(star.config, server.id) !== null
        if (star === null || !isMember || !star.replica.serving) continue
        if (star.replica.log.commit.seq === log.last) log.checkStore(star.replica.store, server.name)
      }
    }
  }
}

function starAt(server: SimDataServer, chain: ChainId): PrimaryBackup | null {
  const host = server.hosted(chain)
  return host instanceof PrimaryBackupHost ? host.star : null
}
