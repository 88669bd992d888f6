/** A whole cluster as child processes on loopback: for the demo, the tests and the benchmarks. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReplicaStatus } from '../../chain/configuration.ts'
import type { Durability, Replication } from '../../protocol/cluster.ts'
import { memberAuthorization } from '../security/basic-authorization.ts'
import { ClusterSecret } from '../security/secret.ts'
import { freePorts } from './free-ports.ts'
import { LocalProcess } from './local-process.ts'
import { NODE_ARGS } from './node-args.ts'

/** Where a process runs, as the others and the parent dial it. */
export interface LocalPlace {
  readonly host: string
  /** What starts the program there (see `LocalProcess`). */
  readonly launcher: readonly string[]
}

export interface LocalClusterOptions {
  /** Created if absent; holds data and logs of every process. */
  readonly directory: string
  /** The `catenary` program. */
  readonly entry: string
  readonly coordinators?: number
  /** An ensemble that runs already, Apache ZooKeeper's for one: instead of coordinators, one manager is started, `manager-1`. */
  readonly ensemble?: { readonly addresses: readonly string[]; readonly tickMs: number }
  readonly servers?: number
  readonly chains?: number
  readonly replication?: number
  /** What keeps them alike. Default: craq. */
  readonly protocol?: Replication
  readonly durability?: Durability
  /** `tcp`, or `nats://host:port`: carries everything between servers, coordinators and native clients. */
  readonly transport?: string
  readonly sessionTimeoutMs?: number
  readonly logLevel?: string
  /** Whether servers have a Redis door, and whether it answers for others. Default: none. */
  readonly redis?: 'cluster' | 'proxy'
  /** Of the cluster: its file is among the data, `secretFile`. Default: none, and nobody is asked who he is. */
  readonly secret?: string
  /** Default: all of them on 127.0.0.1. */
  readonly place?: (name: string) => LocalPlace
}

export interface ServerStatus {
  readonly server: string
  readonly incarnation: number
  readonly leaseMs: number
  readonly storage: string
  readonly residentBytes: number
  readonly replicas: readonly ReplicaStatus[]
}

export interface CoordinatorStatus {
  readonly member: string
  readonly role: string
  readonly term: number
  readonly leader: string | null
  readonly [more: string]: unknown
}

interface Ports {
  readonly main: number
  readonly http: number
  readonly redis: number
  /** Of a coordinator: where the others hear it. */
  readonly peer: number
}

const SECRET_FILE = 'cluster.secret'
const LOOPBACK: LocalPlace = { host: '127.0.0.1', launcher: [] }

export class LocalCluster {
  readonly options: LocalClusterOptions
  readonly coordinators: readonly LocalProcess[]
  /** Of an ensemble that has none of its own. */
  readonly managers: readonly LocalProcess[]
  readonly servers: readonly LocalProcess[]
  readonly coordinatorAddresses: readonly string[]
  readonly #ports: ReadonlyMap<string, Ports>
  /** Null: it has none. */
  readonly secret: ClusterSecret | null

  constructor(
    options: LocalClusterOptions,
    parts: {
      coordinators: LocalProcess[]
      managers: LocalProcess[]
      servers: LocalProcess[]
      ports: Map<string, Ports>
    },
  ) {
    this.options = options
    this.coordinators = parts.coordinators
    this.managers = parts.managers
    this.servers = parts.servers
    this.#ports = parts.ports
    const { secret } = options
    this.secret = secret === undefined ? null : new ClusterSecret(Buffer.from(secret))
    this.coordinatorAddresses =
      options.ensemble?.addresses ?? parts.coordinators.map(({ name }) => this.address(name))
  }

  get processes(): readonly LocalProcess[] {
    return [...this.coordinators, ...this.managers, ...this.servers]
  }

  /** What `connect` takes: addresses over tcp, names over nats. */
  get clientServers(): string[] {
    const tcp = (this.options.transport ?? 'tcp') === 'tcp'
    return this.servers.map(({ name }) => (tcp ? this.address(name) : name))
  }

  host(name: string): string {
    return (this.options.place?.(name) ?? LOOPBACK).host
  }

  /** `host:port` for clients: the native port of a server, the ZooKeeper port of a coordinator. */
  address(name: string): string {
    return `${this.host(name)}:${this.port(name)}`
  }

  port(name: string): number {
    return this.#ports.get(name)?.main ?? 0
  }

  httpPort(name: string): number {
    return this.#ports.get(name)?.http ?? 0
  }

  redisPort(name: string): number {
    return this.#ports.get(name)?.redis ?? 0
  }

  process(name: string): LocalProcess {
    const found = this.processes.find((process) => process.name === name)
    if (found === undefined) throw new Error(`no process is named ${name}`)
    return found
  }

  peerPort(name: string): number {
    return this.#ports.get(name)?.peer ?? 0
  }

  async #status<Status>(name: string): Promise<Status | null> {
    try {
      const response = await fetch(`http://${this.host(name)}:${this.httpPort(name)}/status`, {
        headers: this.secret === null ? {} : { authorization: memberAuthorization(this.secret) },
        signal: AbortSignal.timeout(2000),
      })
      return (await response.json()) as Status
    } catch {
      return null
    }
  }

  serverStatus(name: string): Promise<ServerStatus | null> {
    return this.#status<ServerStatus>(name)
  }

  coordinatorStatus(name: string): Promise<CoordinatorStatus | null> {
    return this.#status<CoordinatorStatus>(name)
  }

  /** Name of the Raft leader, or null while there is none. */
  async leader(): Promise<string | null> {
    for (const { name, isAwake } of this.coordinators) {
      if (!isAwake) continue
      const status = await this.coordinatorStatus(name)
      if (status?.role === 'leader') return name
    }
    return null
  }

  /** The replicas of a chain as its running members see it, in chain order; from the member with the newest epoch. */
  async chain(chain = 'c0'): Promise<ReplicaStatus | null> {
    const running = this.servers.filter((server) => server.isAwake)
    const statuses = await Promise.all(running.map(({ name }) => this.serverStatus(name)))
    const views = statuses.flatMap(
      (status) => status?.replicas.filter((replica) => replica.chain === chain) ?? [],
    )
    return views.reduce<ReplicaStatus | null>(
      (best, view) => (best === null || view.epoch > best.epoch ? view : best),
      null,
    )
  }

  /** Whether every chain has `members` serving members, and all of these agree on the epoch and serve. */
  async isWhole(members = this.options.replication ?? 3): Promise<boolean> {
    const chainCount = this.options.chains ?? 1
    const running = this.servers.filter((server) => server.isAwake)
    const statuses = await Promise.all(running.map(({ name }) => this.serverStatus(name)))
    for (let i = 0; i < chainCount; i++) {
      const replicas = statuses.flatMap((status) => status?.replicas.filter((r) => r.chain === `c${i}`) ?? [])
      const epoch = Math.max(0, ...replicas.map((replica) => replica.epoch))
      const newest = replicas.filter((replica) => replica.epoch === epoch && replica.serving)
      const config = newest[0]
      if (config === undefined || config.members.length !== members || newest.length !== members) return false
      if (!config.members.every((member) => member.serving) || config.joining !== null) return false
    }
    return true
  }

  async untilWhole(options: { members?: number; timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs = 30_000 } = options
    const deadline = Date.now() + timeoutMs
    while (!(await this.isWhole(options.members))) {
      if (Date.now() > deadline)
        throw new Error(`the cluster is not whole after ${timeoutMs} ms; logs are in ${this.logDirectory}`)
      await sleep(50)
    }
  }

  /** Null: the cluster has none. */
  get secretFile(): string | null {
    return this.options.secret === undefined ? null : join(this.options.directory, SECRET_FILE)
  }

  get logDirectory(): string {
    return join(this.options.directory, 'logs')
  }

  /** Kills a process and removes its data: a disk that was lost. */
  async wipe(name: string): Promise<void> {
    await this.process(name).kill()
    rmSync(this.dataDirectory(name), { recursive: true, force: true })
  }

  dataDirectory(name: string): string {
    return join(this.options.directory, name)
  }

  /** Clean end of everything: servers first, so that they can close their sessions. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
    await Promise.all([...this.coordinators, ...this.managers].map((process) => process.stop()))
  }

  async kill(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()))
  }
}

/** Lays out ports, directories and commands; starts nothing yet. */
export async function layOutCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const { directory, entry, transport = 'tcp', sessionTimeoutMs = 2000, logLevel = 'info' } = options
  const names = {
    coordinators: Array.from(
      { length: options.ensemble ? 0 : (options.coordinators ?? 3) },
      (_, i) => `coordinator-${i + 1}`,
    ),
    servers: Array.from({ length: options.servers ?? 3 }, (_, i) => `n${i + 1}`),
  }
  mkdirSync(join(directory, 'logs'), { recursive: true })
  const free = await freePorts((names.coordinators.length + names.servers.length) * 4)
  const take = () => free.pop() ?? 0
  const ports = new Map(
    [...names.coordinators, ...names.servers].map((name) => [
      name,
      { main: take(), http: take(), redis: take(), peer: take() },
    ]),
  )
  const port = (name: string) => ports.get(name)?.main ?? 0
  const place = options.place ?? (() => LOOPBACK)
  const ensemble = names.coordinators
    .map((name) => `${name}=${place(name).host}:${ports.get(name)?.peer}:${port(name)}`)
    .join(',')
  const addresses =
    options.ensemble?.addresses ?? names.coordinators.map((name) => `${place(name).host}:${port(name)}`)
  const client = addresses.join(',')
  // By the environment, where other users of the machine do not see what it may hold of credentials.
  const secretFile = join(directory, SECRET_FILE)
  if (options.secret !== undefined) writeFileSync(secretFile, options.secret, { mode: 0o600 })
  const env = {
    CATENARY_TRANSPORT: transport,
    ...(options.secret !== undefined && { CATENARY_SECRET_FILE: secretFile }),
  }
  const shape = [
    ...['--chains', String(options.chains ?? 1), '--replicas', String(options.replication ?? 3)],
    ...['--replication', options.protocol ?? 'craq', '--durability', options.durability ?? 'sync'],
    ...['--session-timeout', String(sessionTimeoutMs)],
  ]
  const make = (name: string, kind: keyof typeof NODE_ARGS, args: string[]) =>
    new LocalProcess({
      name,
      entry,
      launcher: place(name).launcher,
      args: [kind, ...args, '--log-level', logLevel],
      nodeArgs: NODE_ARGS[kind],
      env,
      logFile: join(directory, 'logs', `${name}.log`),
    })
  const coordinators = names.coordinators.map((name) =>
    make(name, 'coordinator', [
      ...['--id', name, '--data', join(directory, name), '--members', ensemble],
      ...['--http-port', String(ports.get(name)?.http), ...shape],
    ]),
  )
  const managers =
    options.ensemble === undefined
      ? []
      : [make('manager-1', 'manager', ['--name', 'manager-1', '--coordinator', client, ...shape])]
  const servers = names.servers.map((name) =>
    make(name, 'server', [
      ...['--id', name, '--data', join(directory, name), '--port', String(port(name))],
      ...['--host', place(name).host],
      ...['--http-port', String(ports.get(name)?.http), '--coordinator', client],
      ...['--session-timeout', String(sessionTimeoutMs)],
      ...(options.redis === undefined ? [] : ['--redis-port', String(ports.get(name)?.redis)]),
      ...(options.redis === 'proxy' ? ['--redis-proxy'] : []),
      ...['--coordinator-tick', String(options.ensemble?.tickMs ?? 0)],
    ]),
  )
  return new LocalCluster(options, { coordinators, managers, servers, ports })
}

/** Starts every process and waits until each chain serves with all its members. */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const cluster = await layOutCluster(options)
  try {
    for (const process of cluster.processes) process.start()
    await cluster.untilWhole()
    return cluster
  } catch (error) {
    await cluster.kill()
    throw error
  }
}
