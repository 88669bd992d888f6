/** A store that has every key: what this server does not serve itself it asks a native client for, which knows where to go, and goes again. */
import { randomBytes } from 'node:crypto'
import { CLIENT_LIMITS } from '../../../client/core/limits.ts'
import { createClientState } from '../../../client/core/state.ts'
import { Engine } from '../../../client/engine.ts'
import type { Credentials } from '../../../client/transport/node-scram.ts'
import { openClientTransport } from '../../../client/transport/open.ts'
import type { TlsSource } from '../../../client/transport/tls-options.ts'
import type {
  ChangesCommand,
  ChangesResult,
  Failure,
  ReadCommand,
  ReadResult,
  WriteCommand,
  WriteResult,
} from '../../../protocol/commands.ts'
import { ERRORS, type StoreError } from '../../../protocol/errors.ts'
import type { ChainId, ServerId } from '../../../protocol/ids.ts'
import type { Address } from '../../../protocol/transport.ts'
import type { ClusterView } from '../../server/cluster-view.ts'
import { keysOfWrite } from './local-store.ts'
import type { ReadDone, RedisStore, WriteDone } from './store.ts'

const TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 5_000

export interface ProxyStoreOptions {
  readonly local: RedisStore
  readonly transport: string
  readonly cluster: string
  /** Of this server's native door; null where names are enough. */
  readonly address: Address | null
  /** As a process of the cluster: the door has looked at what its client may. Null: nobody asks. */
  readonly credentials: Credentials | null
  /** How servers are spoken to. Null: in plain. */
  readonly tls: TlsSource | null
}

export class ProxyStore implements RedisStore {
  readonly #local: RedisStore
  readonly #options: ProxyStoreOptions
  /** Opened when first needed. */
  #engine: Promise<Engine> | null = null

  constructor(options: ProxyStoreOptions) {
    this.#local = options.local
    this.#options = options
  }

  get id(): ServerId {
    return this.#local.id
  }

  get view(): ClusterView {
    return this.#local.view
  }

  startTurn(): void {
    this.#local.startTurn()
  }

  changes(chain: ChainId, command: ChangesCommand, done: (result: ChangesResult | Failure) => void): void {
    this.#local.changes(chain, command, done)
  }

  tellOthers(body: Uint8Array): void {
    this.#local.tellOthers(body)
  }

  set onTold(onTold: (body: Uint8Array) => void) {
    this.#local.onTold = onTold
  }

  keyCount(chain: ChainId): number | null {
    return this.#local.keyCount(chain)
  }

  committed(chain: ChainId): number {
    return this.#local.committed(chain)
  }

  read(chain: ChainId, command: ReadCommand, done: ReadDone): void {
    const isReader = this.view
      .config(chain)
      ?.members.some(({ server, serving }) => server === this.id && serving)
    if (isReader !== true) return this.#readElsewhere(chain, command, done)
    this.#local.read(chain, command, (result) => {
      if (isElsewhere(result)) this.#readElsewhere(chain, command, done)
      else done(result)
    })
  }

  write(chain: ChainId, command: WriteCommand, done: WriteDone): void {
    if (this.view.config(chain)?.members[0]?.server !== this.id)
      return this.#writeElsewhere(chain, command, done)
    this.#local.write(chain, command, (result) => {
      if (isElsewhere(result)) this.#writeElsewhere(chain, command, done)
      else done(result)
    })
  }

  #readElsewhere(chain: ChainId, command: ReadCommand, done: ReadDone): void {
    const bytes = command.type === 'get' ? command.keys.reduce((sum, key) => sum + key.length, 0) : 64
    this.#withEngine((engine) => {
      const place = { type: 'chain' as const, chain }
      const consistency = { type: 'strong' as const }
      engine.submit(
        {
          id: engine.newId(),
          type: 'read',
          place,
          command,
          consistency,
          policy: 'spread',
          bytes,
          timeoutMs: TIMEOUT_MS,
        },
        { done: (result) => done(result as ReadResult), failed: (error) => done(failureOf(error)) },
      )
    }, done)
  }

  #writeElsewhere(chain: ChainId, command: WriteCommand, done: WriteDone): void {
    this.#withEngine((engine) => {
      engine.submit(
        {
          id: engine.newId(),
          type: 'write',
          place: { type: 'chain', chain },
          command,
          bytes: bytesOf(command),
          timeoutMs: TIMEOUT_MS,
        },
        { done: (result) => done(result as WriteResult), failed: (error) => done(failureOf(error)) },
      )
    }, done)
  }

  /** In the order of the calls: what one connection asks for first is submitted first. */
  #withEngine(use: (engine: Engine) => void, refused: (failure: Failure) => void): void {
    this.#engine ??= this.#open()
    this.#engine.then(use, (error: unknown) => {
      this.#engine = null
      const reason = error instanceof Error ? error.message : String(error)
      refused({ type: 'failure', code: 'OVERLOADED', message: `no other server can be reached: ${reason}` })
    })
  }

  async #open(): Promise<Engine> {
    const { address, transport, cluster, credentials, tls } = this.#options
    const self = `client-${randomBytes(8).toString('hex')}`
    const peer = address === null ? this.id : `@${address.host}:${address.port}`
    const bootstrap = new Map<string, Address>(address === null ? [] : [[peer, address]])
    const state = createClientState({
      bootstrap: [peer],
      rng: { next: Math.random },
      zone: null,
      exactlyOnce: true,
      limits: CLIENT_LIMITS,
    })
    const engine = new Engine({ state, bootstrap })
    const { events } = engine
    const proof = credentials === null ? {} : { credentials }
    const opened = await openClientTransport({
      transport,
      self,
      cluster,
      events,
      ...proof,
      ...(tls && { tls }),
    })
    try {
      if (await engine.start(opened, CONNECT_TIMEOUT_MS)) return engine
      throw new Error('this server has not told of any chain')
    } catch (error) {
      await engine.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const engine = await this.#engine?.catch(() => null)
    await engine?.close()
  }
}

const isElsewhere = (result: ReadResult | WriteResult | Failure): boolean =>
  result.type === 'failure' && ERRORS[result.code].retry === 'after-refresh'

/** What has been tried for so long may be tried again by whoever wants it, but not at once, and a write only where it has not happened. */
function failureOf(error: StoreError): Failure {
  const definite = error.outcome === 'definite' && ERRORS[error.code].retry !== 'never'
  const code = definite ? 'OVERLOADED' : error.code
  return { type: 'failure', code, message: error.message }
}

function bytesOf(command: WriteCommand): number {
  let bytes = 64
  for (const key of keysOfWrite(command)) bytes += key.length
  if ('value' in command && command.value !== null) bytes += command.value.length
  if (command.type === 'transaction')
    for (const write of command.writes) bytes += write.type === 'put' ? write.value.length : 0
  return bytes
}
