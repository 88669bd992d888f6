/**
 * A native client that costs as little as the codec allows: the same messages, sessions and request numbers as the real one, so that writes happen exactly once,
 * but no promises, no timers for each request, and reads spread without looking at latencies.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openTcpDial } from '../../../client/transport/tcp-dial.ts'
import type { ClientMessage, ServerMessage } from '../../../protocol/client-messages.ts'
import { decodeServerBatch, encodeClientBatch } from '../../../protocol/codec/client-codec.ts'
import type { Consistency, Failure } from '../../../protocol/commands.ts'
import { ERRORS } from '../../../protocol/errors.ts'
import {
  asKey,
  asMillis,
  asSessionId,
  NO_SEQ,
  type RequestNumber,
  type SessionId,
} from '../../../protocol/ids.ts'
import { CLIENT_MESSAGES_MAX } from '../../../protocol/limits.ts'
import type { Transport } from '../../../protocol/transport.ts'
import { CallTable } from '../call-table.ts'
import { type ChainRoute, Routes, ServerLink } from '../catenary/routes.ts'
import type { Done, Operation, Target, TargetSpec } from '../target.ts'

type CatenarySpec = Extract<TargetSpec, { kind: 'catenary' }>

const OPEN_TIMEOUT_MS = 10_000
const MAP_PAUSE_MS = 100
/** Everything that waits for time to pass is looked at so often. */
const SWEEP_MS = 20
const RETRY_PAUSE_MS = 20
/** A try without an answer for so long is tried elsewhere; an operation that took so long has failed. As the real client has it. */
const TRY_TIMEOUT_MS = 1000
const GIVE_UP_MS = 10_000
const SUSPECT_MS = 1000
/** One body of large values must fit a frame. */
const BODY_BYTES_MAX = 8 * 1024 * 1024
const NEVER = { type: 'set', atWallMs: asMillis(0) } as const
const OPEN_SESSION = { type: 'open-session' } as const

/** Something that was asked of a server. */
interface Call {
  /** Null: not an operation, but a session to open, or, without a chain, a map. */
  readonly operation: Operation | null
  readonly done: Done
  readonly chain: ChainRoute<Call> | null
  /** Of a write that has been tried. */
  session: SessionId | null
  requestNumber: RequestNumber | null
  server: ServerLink | null
  readonly beganMs: number
  triedMs: number
}

/** @throws no server of the cluster gives a map in which every chain is there. */
export async function openTarget(spec: CatenarySpec, options = { retries: false }): Promise<Target> {
  const target = new CatenaryTarget(spec, options.retries)
  try {
    await target.open()
    return target
  } catch (error) {
    await target.close()
    throw error
  }
}

class CatenaryTarget implements Target {
  readonly #spec: CatenarySpec
  readonly #retries: boolean
  readonly #readOptions: { consistency: Consistency; atLeast: typeof NO_SEQ }
  readonly #calls = new CallTable<Call>()
  readonly #transport: Transport
  readonly #routes: Routes<Call>
  /** Of addresses of which nobody has said yet whose they are. */
  #strangers: ServerLink[] = []
  readonly #sweeper: NodeJS.Timeout
  /** Calls that are tried again once their time has come. */
  #later: { call: Call; atMs: number }[] = []
  #nowMs = performance.now()
  #mapAskedMs = 0
  #onWhole: () => void = () => {}
  #closed = false

  constructor(spec: CatenarySpec, retries: boolean) {
    this.#spec = spec
    this.#retries = retries
    this.#readOptions = { consistency: { type: spec.consistency }, atLeast: NO_SEQ }
    this.#transport = openTcpDial({
      self: `load-${process.pid}-${Math.random().toString(36).slice(2)}`,
      cluster: 'catenary',
      events: {
        onBody: (_from, body) => this.#onBody(body),
        onDown: (peer, reason) => this.#onDown(peer, reason),
      },
    })
    this.#routes = new Routes(spec.reads, (server, address) => this.#transport.setAddress(server, address))
    spec.servers.forEach((server, i) => {
      const [host = '', port = ''] = server.split(':')
      const link = new ServerLink(`@${i}`)
      this.#strangers.push(link)
      this.#transport.setAddress(link.id, { host, port: Number(port) })
    })
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
  }

  async open(): Promise<void> {
    const whole = new Promise<boolean>((resolve) => {
      this.#onWhole = () => resolve(true)
      setTimeout(() => resolve(false), OPEN_TIMEOUT_MS).unref()
    })
    this.#askForMap()
    this.flush()
    if (!(await whole)) {
      const { servers } = this.#spec
      throw new Error(`no map of a whole cluster from ${servers.join(', ')} within ${OPEN_TIMEOUT_MS} ms`)
    }
    if (this.#spec.reads === 'head') await this.#findHeads()
  }

  /** Reads of a head go to whoever takes the writes: to open a session tells. */
  async #findHeads(): Promise<void> {
    const deadlineMs = performance.now() + OPEN_TIMEOUT_MS
    const { chains } = this.#routes
    while (chains.some(({ session }) => session.id === null)) {
      if (performance.now() > deadlineMs) throw new Error(`nobody takes writes within ${OPEN_TIMEOUT_MS} ms`)
      for (const chain of chains) if (chain.session.id === null) this.#openSession(chain)
      this.flush()
      await sleep(SWEEP_MS)
    }
  }

  submit(operation: Operation, done: Done): void {
    if (operation.type === 'scan' && this.#routes.chains.length > 1) return this.#scanAll(operation, done)
    const chain = this.#routes.chainOf(asKey(operation.key))
    this.#send(this.#callOf(operation, chain, done))
  }

  #callOf(operation: Operation | null, chain: ChainRoute<Call> | null, done: Done): Call {
    const nowMs = this.#nowMs
    return {
      operation,
      done,
      chain,
      session: null,
      requestNumber: null,
      server: null,
      beganMs: nowMs,
      triedMs: nowMs,
    }
  }

  /** Slots scatter keys: what follows a key in order lies on every chain. The first `limit` of all are among the first `limit` of each. */
  #scanAll(operation: Operation & { type: 'scan' }, done: Done): void {
    let left = this.#routes.chains.length
    let first: string | null = null
    const gather: Done = (error) => {
      first ??= error
      if (--left === 0) done(first)
    }
    for (const chain of this.#routes.chains) this.#send(this.#callOf(operation, chain, gather))
  }

  flush(): void {
    for (const link of this.#strangers) this.#flushLink(link)
    for (const link of this.#routes.links.values()) this.#flushLink(link)
    this.#transport.flush()
  }

  #flushLink(link: ServerLink): void {
    if (link.queue.length === 0) return
    const queue = link.queue
    link.queue = []
    link.queueBytes = 0
    if (!this.#transport.send(link.id, encodeClientBatch(queue)))
      queueMicrotask(() => this.#onDown(link.id, 'it takes nothing'))
  }

  #send(call: Call): void {
    const { operation, chain } = call
    if (operation === null) return
    if (chain === null) return this.#tryLater(call, 'no chain has this key')
    call.triedMs = this.#nowMs
    switch (operation.type) {
      case 'read': {
        const command = { type: 'get', keys: [asKey(operation.key)] } as const
        return this.#sendRead(call, chain, command)
      }
      case 'scan': {
        const command = {
          type: 'scan',
          prefix: asKey(''),
          after: beforeKey(operation.key),
          limit: operation.limit,
        } as const
        return this.#sendRead(call, chain, command)
      }
      case 'update':
      case 'insert':
        return this.#sendWrite(call, chain, operation)
      case 'read-modify-write':
        queueMicrotask(() => call.done('a read-modify-write is sent as its read and its update'))
    }
  }

  #sendRead(
    call: Call,
    chain: ChainRoute<Call>,
    command: (ClientMessage & { type: 'read' })['command'],
  ): void {
    const server = chain.reader(this.#nowMs)
    if (server === null) return this.#tryLater(call, `${chain.chain} has no replica that serves`)
    call.server = server
    const message: ClientMessage = {
      type: 'read',
      call: this.#calls.add(call),
      chain: chain.chain,
      command,
      options: this.#readOptions,
    }
    server.queue.push(message)
    if (server.queue.length >= CLIENT_MESSAGES_MAX) this.#flushLink(server)
  }

  #sendWrite(
    call: Call,
    chain: ChainRoute<Call>,
    { key, value }: Operation & { type: 'update' | 'insert' },
  ): void {
    const { session } = chain
    if (session.id === null || (call.requestNumber === null && !session.hasRoom)) {
      chain.waiting.push(call)
      if (session.id === null) this.#openSession(chain)
      return
    }
    const server = chain.head
    if (server === null) return this.#tryLater(call, `${chain.chain} has no head`)
    if (call.session !== null && call.session !== session.id)
      return void queueMicrotask(() => call.done('SESSION_LAPSED: tried before, and perhaps done'))
    call.session = session.id
    call.requestNumber ??= session.takeNumber()
    call.server = server
    const message: ClientMessage = {
      type: 'write',
      call: this.#calls.add(call),
      chain: chain.chain,
      identity: session.identity(session.id, call.requestNumber),
      command: { type: 'put', key: asKey(key), value, expiry: NEVER, condition: null },
    }
    if (server.queueBytes > 0 && server.queueBytes + value.length > BODY_BYTES_MAX) this.#flushLink(server)
    server.queue.push(message)
    server.queueBytes += value.length
    if (server.queue.length >= CLIENT_MESSAGES_MAX) this.#flushLink(server)
  }

  /** The writes that wait for it follow once it is there. */
  #openSession(chain: ChainRoute<Call>): void {
    const server = chain.head
    if (chain.opening || server === null) return
    chain.opening = true
    const call = this.#callOf(null, chain, (error) => {
      chain.opening = false
      if (error === null) return
      if (this.#retries) return // the sweep opens another
      for (const waiting of chain.waiting.splice(0)) waiting.done(`no session: ${error}`)
    })
    call.server = server
    const message: ClientMessage = {
      type: 'write',
      call: this.#calls.add(call),
      chain: chain.chain,
      identity: null,
      command: OPEN_SESSION,
    }
    server.queue.push(message)
  }

  #onBody(body: Uint8Array): void {
    for (const reply of decodeServerBatch(body)) {
      const call = this.#calls.take(reply.call)
      if (call !== null) this.#onReply(call, reply)
    }
  }

  #onReply(call: Call, reply: ServerMessage): void {
    switch (reply.type) {
      case 'read-reply':
        return call.done(null)
      case 'write-reply': {
        const { result } = reply
        if (result.type === 'refused') return call.done(`${result.code}: ${result.message}`)
        if (call.operation !== null) this.#settle(call)
        else if (call.chain !== null && result.type === 'written') {
          call.chain.session.open(asSessionId(result.version))
          this.#resume(call.chain)
        }
        return call.done(null)
      }
      case 'map-reply':
        this.#routes.adopt(reply.map)
        if (this.#routes.isWhole) this.#knowAll()
        return
      case 'failed':
        if (reply.map !== null) this.#routes.adopt(reply.map)
        return this.#onFailure(call, reply.failure)
      case 'status-reply':
        return
    }
  }

  /** A write has its answer: its number is free, and there may be room for one that waits. */
  #settle({ chain, session, requestNumber }: Call): void {
    if (chain === null || requestNumber === null || session === null) return
    chain.session.settle(session, requestNumber)
    if (chain.waiting.length > 0) this.#resume(chain)
  }

  #resume(chain: ChainRoute<Call>): void {
    if (chain.waiting.length === 0) return
    for (const call of chain.waiting.splice(0)) this.#send(call)
    setImmediate(() => this.flush())
  }

  #onFailure(call: Call, { code, message }: Failure): void {
    if (code === 'SESSION_LAPSED' && call.chain !== null) call.chain.session.id = null
    const error = `${call.server?.id ?? 'a server'}: ${code}: ${message}`
    if (ERRORS[code].retry === 'never') return this.#giveUp(call, error)
    const isRefused = code === 'NOT_HEAD' && call.chain !== null && call.server !== null
    if (isRefused && call.chain !== null && call.server !== null) this.#routes.doubt(call.chain, call.server)
    this.#tryLater(call, error, isRefused)
  }

  #giveUp(call: Call, error: string): void {
    if (call.operation !== null) this.#settle(call)
    call.done(error)
  }

  /** Never from inside of `submit` the end of an operation. */
  #tryLater(call: Call, error: string, isRefused = false): void {
    // To find out who takes the writes is no error, whoever counts them.
    const mayRetry = (this.#retries || isRefused) && this.#nowMs - call.beganMs <= GIVE_UP_MS
    if (mayRetry && isRefused && call.operation === null) {
      call.done(null)
      return // the sweep opens a session elsewhere
    }
    const isOver = !mayRetry || call.operation === null
    if (isOver) queueMicrotask(() => this.#giveUp(call, error))
    else this.#later.push({ call, atMs: this.#nowMs + RETRY_PAUSE_MS })
  }

  #onDown(peer: string, reason: string): void {
    if (this.#closed) return
    const link = this.#routes.links.get(peer) ?? this.#strangers.find(({ id }) => id === peer)
    if (link === undefined) return
    link.queue = []
    link.queueBytes = 0
    link.downUntilMs = this.#nowMs + SUSPECT_MS
    for (const chain of this.#routes.chains) this.#routes.doubt(chain, link)
    this.#lose((call) => call.server === link, `${peer}: the connection was lost: ${reason}`)
  }

  #lose(isLost: (call: Call) => boolean, error: string): void {
    for (const call of this.#calls.takeWhere(isLost)) this.#tryLater(call, error)
  }

  #sweep(): void {
    const nowMs = performance.now()
    this.#nowMs = nowMs
    if (this.#retries) {
      const isLate = ({ triedMs, server }: Call) => server !== null && nowMs - triedMs > TRY_TIMEOUT_MS
      for (const call of this.#calls.takeWhere(isLate)) {
        if (call.server !== null) call.server.downUntilMs = nowMs + SUSPECT_MS
        this.#tryLater(call, `${call.server?.id}: no answer in ${TRY_TIMEOUT_MS} ms`)
      }
    }
    const waits =
      this.#later.length > 0 || !this.#routes.isWhole || this.#routes.chains.some((chain) => isStuck(chain))
    if (waits && nowMs - this.#mapAskedMs >= MAP_PAUSE_MS) this.#askForMap()
    this.#retryDue(nowMs)
    for (const chain of this.#routes.chains) if (isStuck(chain)) this.#openSession(chain)
    this.flush()
  }

  #retryDue(nowMs: number): void {
    const due = this.#later.filter(({ atMs }) => atMs <= nowMs)
    if (due.length === 0) return
    this.#later = this.#later.filter(({ atMs }) => atMs > nowMs)
    for (const { call } of due) {
      const { operation, chain } = call
      if (operation === null) continue
      // A chain that nobody knew of when the operation began may be there by now.
      const found = chain ?? this.#routes.chainOf(asKey(operation.key))
      this.#send(found === chain ? call : { ...call, chain: found })
    }
  }

  /** From now on servers are dialled by their names: of two connections of one client, a server keeps the later one. */
  #knowAll(): void {
    const strangers = this.#strangers
    this.#strangers = []
    this.#calls.takeWhere(({ server }) => server !== null && strangers.includes(server))
    for (const { id } of strangers) this.#transport.setAddress(id, null)
    this.#onWhole()
  }

  /** Of everybody: the one that answers first may be the only one that lives. */
  #askForMap(): void {
    this.#mapAskedMs = this.#nowMs
    const everybody = this.#strangers.length > 0 ? this.#strangers : this.#routes.links.values()
    for (const link of everybody) {
      if (link.queue.length > 0) continue
      const call = { ...this.#callOf(null, null, () => {}), server: link }
      link.queue.push({ type: 'map-request', call: this.#calls.add(call) })
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweeper)
    await this.#transport.close()
  }
}

/** Writes wait, and not for other writes. */
const isStuck = ({ waiting, session }: ChainRoute<Call>) => waiting.length > 0 && session.id === null

/** A key that is less than this one and greater than all keys of letters and digits before it: scans begin behind a key, YCSB's at it. */
function beforeKey(key: string) {
  const last = key.length - 1
  return asKey(`${key.slice(0, last)}${String.fromCharCode(Math.max(0, key.charCodeAt(last) - 1))}\xff`)
}
