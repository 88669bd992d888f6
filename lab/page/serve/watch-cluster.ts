/**
 * Looks at a cluster's processes again and again. Each is asked by itself and in little time, so that the dead ones delay nobody: what they were is
 * remembered, and shown as silent.
 */
import { type Client, type ConnectOptions, connect } from '../../../client/index.ts'
import type { TlsOptions } from '../../../client/transport/tls-options.ts'
import { type Answer, ask } from './ask.ts'
import type { CoordinatorAnswer, ServerAnswer } from './read-status.ts'
import { readStatus } from './read-status.ts'
import {
  difference,
  type RequestTimes,
  ratesBetween,
  ratesOf,
  readRequestTimes,
  sumOf,
} from './request-times.ts'
import type { LiveChain, LiveCoordinator, LiveServer, LiveSnapshot, StoryLine } from './snapshot.ts'
import { storyOf } from './story.ts'

export interface WatchOptions {
  /** `host:port` of http doors, of data servers and coordinators alike; or of data servers' own ports, from which the others are learnt. */
  readonly addresses: readonly string[]
  /** Names of those that are known already, by address: a process that has never answered is called so. */
  readonly names?: ReadonlyMap<string, string>
  readonly cluster?: string
  /** What http doors are told of who asks, which viewers do not learn. Default: nothing. */
  readonly authorization?: string | null
  /** How all of them are spoken to. Default: null, in plain. */
  readonly tls?: TlsOptions | null
  /** The same for data servers' own ports. */
  readonly credentials?: Pick<ConnectOptions, 'user' | 'password'>
}

export interface Look {
  readonly snapshot: LiveSnapshot
  /** What is new since the look before. */
  readonly story: readonly StoryLine[]
}

const ASK_MS = 900
const CONNECT_MS = 2_000
const STORY_MAX = 500

type Known = ServerAnswer | CoordinatorAnswer

export class ClusterWatch {
  readonly #options: WatchOptions
  readonly #known = new Map<string, Known>()
  readonly #times = new Map<string, { readonly atMs: number; readonly times: RequestTimes }>()
  /** Through a seed, which is no http door. */
  #client: Client | null = null
  #httpAddresses: readonly string[]
  #last: LiveSnapshot | null = null
  readonly story: StoryLine[] = []

  constructor(options: WatchOptions) {
    this.#options = options
    this.#httpAddresses = options.addresses
  }

  get last(): LiveSnapshot | null {
    return this.#last
  }

  /** Finds out which addresses are http doors. Those that answer nothing at all are taken for doors of processes that are down. */
  async attach(): Promise<void> {
    const { addresses, cluster, credentials = {}, tls = null } = this.#options
    const answers = await Promise.all(addresses.map((address) => this.#ask(address, '/status')))
    const seeds = addresses.filter((_, i) => answers[i]?.error !== null)
    if (seeds.length === 0) return
    try {
      const named = cluster === undefined ? {} : { cluster }
      this.#client = await connect({
        servers: seeds,
        connectTimeoutMs: CONNECT_MS,
        timeoutMs: ASK_MS,
        ...named,
        ...credentials,
        ...(tls && { tls }),
      })
      this.#httpAddresses = addresses.filter((address) => !seeds.includes(address))
    } catch {
      // None is the native port of a server that is up: they stay, and are asked over http.
    }
  }

  async close(): Promise<void> {
    await this.#client?.close()
  }

  /** One look at everything. Never fails: what does not answer is part of the picture. */
  async look(): Promise<Look> {
    const found = await Promise.all([
      ...this.#httpAddresses.map((address) => this.#askHttp(address)),
      this.#askClient(),
    ])
    const rows = found.flat()
    const rated = this.#rates(rows)
    const servers = rows
      .flatMap(({ known, answers, error }): LiveServer[] => {
        if (known?.type !== 'server') return []
        const rates = rated.by.get(known.server.address) ?? null
        return [answers ? { ...known.server, rates } : { ...silentServer(known.server, error), rates: null }]
      })
      .sort(byName)
    const coordinators = rows
      .flatMap(({ known, answers, error }): LiveCoordinator[] => {
        if (known?.type !== 'coordinator') return []
        return [answers ? known.coordinator : { ...known.coordinator, answers, error, role: 'silent' }]
      })
      .sort(byName)
    const snapshot: LiveSnapshot = {
      atMs: Date.now(),
      servers,
      coordinators,
      strangers: rows
        .filter(({ known }) => known === null)
        .map(({ address, error }) => ({ name: this.#nameOf(address), address, answers: false, error })),
      chains: newestChains(rows.flatMap(({ known }) => (known?.type === 'server' ? known.chains : []))),
      rates: rated.all,
    }
    const story = storyOf(this.#last, snapshot)
    this.#last = snapshot
    this.story.push(...story)
    this.story.splice(0, this.story.length - STORY_MAX)
    return { snapshot, story }
  }

  #nameOf = (address: string): string => this.#options.names?.get(address) ?? address

  #ask(address: string, path: string): Promise<Answer> {
    const { authorization = null, tls = null } = this.#options
    return ask({ address, path, timeoutMs: ASK_MS, authorization, tls })
  }

  async #askHttp(address: string): Promise<Row[]> {
    const [status, metrics] = await Promise.all([
      this.#ask(address, '/status'),
      this.#ask(address, '/metrics'),
    ])
    const read = readAnswer(status, address)
    if (read !== null) this.#known.set(address, read)
    const known = read ?? this.#known.get(address) ?? null
    const error = status.error ?? (read === null ? 'what answers there is no process of a cluster' : null)
    return [{ address, known, answers: read !== null, error, metrics: metrics.text }]
  }

  /** What a store client learns of all servers, those among them that are down. */
  async #askClient(): Promise<Row[]> {
    if (this.#client === null) return []
    const all = await this.#client.status({ timeoutMs: ASK_MS }).catch(() => [])
    const answered = all.map(({ server, status, error }): Row => {
      const read = error === null ? readStatus(status, server) : null
      if (read !== null) this.#known.set(server, read)
      const known = read ?? this.#known.get(server) ?? null
      return { address: server, known, answers: read !== null, error: error?.message ?? null, metrics: null }
    })
    const absent = [...this.#known.keys()].filter(
      (address) => !this.#httpAddresses.includes(address) && !all.some(({ server }) => server === address),
    )
    const silent = absent.map(
      (address): Row => ({
        address,
        known: this.#known.get(address) ?? null,
        answers: false,
        error: 'the client has no address of it',
        metrics: null,
      }),
    )
    return [...answered, ...silent]
  }

  #rates(rows: readonly Row[]) {
    const by = new Map<string, ReturnType<typeof ratesBetween>>()
    const differences: { times: RequestTimes; seconds: number }[] = []
    const nowMs = performance.now()
    for (const { address, metrics } of rows) {
      const before = this.#times.get(address)
      if (metrics === null) {
        this.#times.delete(address)
        continue
      }
      const times = { atMs: nowMs, times: readRequestTimes(metrics) }
      this.#times.set(address, times)
      if (before === undefined) continue
      const seconds = (nowMs - before.atMs) / 1000
      by.set(address, ratesBetween(before.times, times.times, seconds))
      const reads = difference(before.times.reads, times.times.reads)
      const writes = difference(before.times.writes, times.times.writes)
      if (reads !== null && writes !== null) differences.push({ times: { reads, writes }, seconds })
    }
    const seconds = Math.max(0, ...differences.map((one) => one.seconds))
    if (seconds === 0) return { by, all: null }
    const reads = sumOf(differences.map(({ times }) => times.reads))
    const writes = sumOf(differences.map(({ times }) => times.writes))
    return { by, all: ratesOf({ reads, writes }, seconds) }
  }
}

interface Row {
  readonly address: string
  readonly known: Known | null
  readonly answers: boolean
  readonly error: string | null
  readonly metrics: string | null
}

function readAnswer({ text }: Answer, address: string): Known | null {
  if (text === null) return null
  try {
    return readStatus(JSON.parse(text), address)
  } catch {
    return null
  }
}

const silentServer = (
  server: Omit<LiveServer, 'rates'>,
  error: string | null,
): Omit<LiveServer, 'rates'> => ({
  ...server,
  answers: false,
  error: error ?? 'no answer',
  leaseMs: 0,
  replicas: [],
})

/** Each chain as told by whoever has the newest epoch; the dead, too: what they knew was true once. */
function newestChains(chains: readonly LiveChain[]): LiveChain[] {
  const newest = new Map<string, LiveChain>()
  for (const chain of chains)
    if (chain.epoch > (newest.get(chain.chain)?.epoch ?? -1)) newest.set(chain.chain, chain)
  return [...newest.values()].sort((a, b) => byText(a.chain, b.chain))
}

const byText = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })
const byName = (a: { readonly name: string }, b: { readonly name: string }) => byText(a.name, b.name)
