import fs from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Address } from '../../../protocol/transport.ts'
import { type Coordinator, startCoordinator } from '../../../runtime/coordinator/coordinator.ts'
import type { CoordinatorOptions, EnsembleMember } from '../../../runtime/coordinator/options.ts'
import { type DataDirectory, openDataDirectory } from '../../../runtime/storage/data-directory.ts'
import { Disconnected, RawClient, type SessionOfClient } from './raw-client.ts'

const HOST = '127.0.0.1'
const PATIENCE_MS = 10_000

/** Polls until `check` gives something; a test that waits in vain fails with `what`. */
export async function eventually<Value>(
  what: string,
  check: () => Promise<Value | null | undefined | false> | Value | null | undefined | false,
): Promise<Value> {
  const untilMs = performance.now() + PATIENCE_MS
  for (;;) {
    const value = await check()
    if (value !== null && value !== undefined && value !== false) return value
    if (performance.now() > untilMs) throw new Error(`in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST))
  const ports: number[] = []
  for (const server of servers) {
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    if (typeof address === 'object' && address !== null) ports.push(address.port)
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  return ports
}

interface Running {
  readonly coordinator: Coordinator
  readonly data: DataDirectory
}

/** Coordinators in this process, on real sockets and a real disk. */
export class Ensemble {
  readonly members: readonly EnsembleMember[]
  readonly directory: string
  readonly #options: Partial<CoordinatorOptions>
  readonly #running = new Map<number, Running>()
  readonly log: { level: number; msg: string; reason?: string; err?: unknown }[] = []

  private constructor(
    members: readonly EnsembleMember[],
    directory: string,
    options: Partial<CoordinatorOptions>,
  ) {
    this.members = members
    this.directory = directory
    this.#options = options
  }

  /** Prepares members 1 to `count`; `up` starts them. */
  static async prepare(count: number, options: Partial<CoordinatorOptions> = {}): Promise<Ensemble> {
    const ports = await freePorts(2 * count)
    const members = Array.from({ length: count }, (_, n) => ({
      id: `coordinator-${n + 1}`,
      host: HOST,
      peerPort: ports[2 * n] ?? 0,
      clientPort: ports[2 * n + 1] ?? 0,
    }))
    return new Ensemble(members, fs.mkdtempSync(join(tmpdir(), 'catenary-coordinator-')), options)
  }

  /** Starts a whole ensemble, and waits until it serves. */
  static async start(count: number, options: Partial<CoordinatorOptions> = {}): Promise<Ensemble> {
    const ensemble = await Ensemble.prepare(count, options)
    for (const number of ensemble.numbers) await ensemble.up(number)
    await ensemble.leader()
    return ensemble
  }

  get numbers(): number[] {
    return this.members.map((_, n) => n + 1)
  }

  dataPath(number: number): string {
    return join(this.directory, `coordinator-${number}`)
  }

  async up(number: number, options: Partial<CoordinatorOptions> = {}): Promise<void> {
    const id = `coordinator-${number}`
    const data = openDataDirectory({ path: this.dataPath(number), kind: 'coordinator', id })
    const logger = pino({ level: 'info' }, { write: (line: string) => this.log.push(JSON.parse(line)) })
    try {
      const coordinator = await startCoordinator({
        id,
        members: this.members,
        clusterName: 'test',
        data,
        logger,
        tickMs: 20,
        ...this.#options,
        ...options,
      })
      this.#running.set(number, { coordinator, data })
    } catch (error) {
      data.close()
      throw error
    }
  }

  /** Stops a member, without telling the others first. */
  async down(number: number): Promise<void> {
    const running = this.#running.get(number)
    this.#running.delete(number)
    await running?.coordinator.stop({ handOver: false })
    running?.data.close()
  }

  at(number: number): Coordinator {
    const running = this.#running.get(number)
    if (running === undefined) throw new Error(`member ${number} is not running`)
    return running.coordinator
  }

  addressOf(number: number): Address {
    return this.at(number).clientAddress
  }

  /** The member that leads, once it and a majority serve. */
  leader(): Promise<number> {
    return eventually('a leader', async () => {
      const leader = [...this.#running].find(([, { coordinator }]) => coordinator.status().role === 'leader')
      if (leader === undefined) return null
      const client = await this.tryConnect(leader[0])
      if (client === null) return null
      await client.close()
      return leader[0]
    })
  }

  async follower(): Promise<number> {
    const leader = await this.leader()
    const follower = [...this.#running.keys()].find((number) => number !== leader)
    if (follower === undefined) throw new Error('nobody follows')
    return follower
  }

  async tryConnect(
    number: number,
    options: { session?: SessionOfClient; timeoutMs?: number; lastZxid?: number } = {},
  ): Promise<RawClient | null> {
    try {
      return await RawClient.connect(this.addressOf(number), options)
    } catch (error) {
      if (error instanceof Disconnected) return null
      throw error
    }
  }

  /** Connects as soon as the member serves. */
  connect(number: number, options: Parameters<Ensemble['tryConnect']>[1] = {}): Promise<RawClient> {
    return eventually(`member ${number} serves`, () => this.tryConnect(number, options))
  }

  async stop(): Promise<void> {
    for (const number of [...this.#running.keys()]) await this.down(number)
    fs.rmSync(this.directory, { recursive: true, force: true })
  }
}
