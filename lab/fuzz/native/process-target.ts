/** A chain of two data servers and a coordinator, each a process of its own. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Credentials } from '../../../client/transport/node-scram.ts'
import { type LocalCluster, startLocalCluster } from '../../../runtime/processes/local-cluster.ts'
import type { LocalProcess } from '../../../runtime/processes/local-process.ts'
import { memberCredentials } from '../../../runtime/security/link-proof.ts'
import { ClusterSecret } from '../../../runtime/security/secret.ts'
import { FuzzError } from '../fuzz-error.ts'
import { ClosedReasons } from './closed-reasons.ts'
import type { Target } from './target.ts'

/** The program, beside this file in what was built. */
export const ENTRY = fileURLToPath(new URL('../../../cli/main.js', import.meta.url))
const COORDINATOR = 'coordinator-1'
const KIB = 1024

/** Only on Linux: it looks into `/proc`. */
export async function startProcessTarget({ secret }: { readonly secret: string | null }): Promise<Target> {
  const directory = fs.mkdtempSync(join(tmpdir(), 'catenary-fuzz-'))
  const cluster = await startLocalCluster({
    ...{ directory, entry: ENTRY, coordinators: 1, servers: 2, replication: 2 },
    ...{ durability: 'memory', logLevel: 'warn', sessionTimeoutMs: 10_000 },
    ...(secret !== null && { secret }),
  })
  return new ProcessTarget(cluster, secret)
}

class ProcessTarget implements Target {
  readonly cluster = 'catenary'
  readonly coordinator = COORDINATOR
  readonly credentials: Credentials | null
  readonly saysAll = false
  readonly reasons = new ClosedReasons()
  readonly servers: readonly string[]
  readonly #cluster: LocalCluster
  readonly #logs: LogTail[]
  /** Who runs, by process id: one that was started again is not the one that was attacked. */
  readonly #pids: ReadonlyMap<LocalProcess, number>

  constructor(cluster: LocalCluster, secret: string | null) {
    this.credentials = secret === null ? null : memberCredentials(new ClusterSecret(Buffer.from(secret)))
    this.#cluster = cluster
    this.servers = cluster.servers.map(({ name }) => name)
    this.#logs = cluster.processes.map(
      ({ name }) => new LogTail(name, join(cluster.logDirectory, `${name}.log`)),
    )
    this.#pids = new Map(cluster.processes.map((process) => [process, process.pid ?? 0]))
  }

  get addresses(): readonly string[] {
    return this.#cluster.clientServers
  }

  port(door: 'native' | 'peer' | 'http', server: string): number {
    if (door === 'peer') return this.#cluster.peerPort(COORDINATOR)
    return door === 'http' ? this.#cluster.httpPort(server) : this.#cluster.port(server)
  }

  look(): void {
    for (const log of this.#logs) for (const line of log.lines()) this.reasons.addLine(log.name, line)
    for (const [process, pid] of this.#pids)
      if (process.pid !== pid) throw new FuzzError(`${process.name} has ended:\n${process.log.slice(-3000)}`)
  }

  memory(): Record<string, number> {
    return Object.fromEntries([...this.#pids].map(([{ name }, pid]) => [name, ownBytes(pid)]))
  }

  async held(): Promise<Record<string, number>> {
    const held: Record<string, number> = {}
    for (const [{ name }, pid] of this.#pids)
      held[`${name} handles`] = fs.readdirSync(`/proc/${pid}/fd`).length
    for (const name of this.servers) {
      const status = (await this.#cluster.serverStatus(name)) as { pendingRequests?: number } | null
      held[`${name} requests`] = status?.pendingRequests ?? 0
    }
    return held
  }

  async close(): Promise<void> {
    await this.#cluster.stop()
    fs.rmSync(this.#cluster.options.directory, { recursive: true, force: true })
  }
}

/** Memory of a process that is its own: neither mapped files nor what is shared. */
export function ownBytes(pid: number): number {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kibibytes ?? 0) * KIB
}

/** What is new in a file that grows. */
class LogTail {
  readonly name: string
  readonly #path: string
  readonly #chunk = Buffer.alloc(256 * KIB)
  #at = 0
  #rest = ''

  constructor(name: string, path: string) {
    this.name = name
    this.#path = path
  }

  lines(): string[] {
    const file = fs.openSync(this.#path, 'r')
    try {
      const lines: string[] = []
      for (;;) {
        const count = fs.readSync(file, this.#chunk, 0, this.#chunk.length, this.#at)
        if (count === 0) return lines
        this.#at += count
        const parts = (this.#rest + this.#chunk.toString('latin1', 0, count)).split('\n')
        this.#rest = parts.pop() ?? ''
        lines.push(...parts)
      }
    } finally {
      fs.closeSync(file)
    }
  }
}
