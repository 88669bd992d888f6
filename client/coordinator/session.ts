/**
 * One ZooKeeper session over a succession of connections. It decides when to ping, when to give a member up, and what a broken
 * connection means for the requests on it; what the requests mean is `session-client.ts`'s affair.
 */
import type { Timer } from '../../protocol/timers.ts'
import { JuteError, type JuteReader } from '../../protocol/zookeeper/jute.ts'
import {
  type OpName,
  type Request,
  type RequestOf,
  type ResponseOf,
  XIDS,
} from '../../protocol/zookeeper/ops.ts'
import {
  decodeNotification,
  decodeResponse,
  encodeRequest,
  readReply,
} from '../../protocol/zookeeper/packets.ts'
import type { ConnectResponse } from '../../protocol/zookeeper/records.ts'
import { backoffMs } from '../transport/backoff.ts'
import type { Address } from './addresses.ts'
import type { CoordinatorState, SessionInfo, Stop } from './api.ts'
import { AuthList } from './auth-list.ts'
import { MemberConnection } from './connection.ts'
import { CoordinatorError, type CoordinatorErrorCode, errorOf } from './errors.ts'
import type { SessionPlatform } from './platform.ts'
import { WatchTable } from './watch-table.ts'

interface Exchange {
  readonly xid: number
  readonly request: Request
  /** Throws a `JuteError` on a body that is none. */
  readonly onReply: (err: number, body: JuteReader) => void
  readonly onFail: (error: CoordinatorError) => void
}

const NO_PASSWORD = new Uint8Array(16)
/** As much as other clients put into one `setWatches`. */
const SET_WATCHES_BYTES_MAX = 128 * 1024
const CLOSE_WAIT_MS = 1_000
const EXCHANGES_MAX = 100_000

export class Session {
  readonly watches: WatchTable
  readonly #auths = new AuthList()
  readonly #platform: SessionPlatform
  readonly #addresses: readonly Address[]
  readonly #askedTimeoutMs: number
  readonly #renewExpired: boolean
  readonly #listeners = new Set<(state: CoordinatorState) => void>()
  #state: CoordinatorState = 'connecting'
  #connection: MemberConnection | null = null
  #isOpen = false
  #nextAddress: number
  #failures = 0
  #redial: Timer | null = null
  #heartbeat: Timer | null = null
  #xid = 0
  /** Sent, in order, not yet answered. */
  #sent: Exchange[] = []
  /** Asked for while there was no connection. */
  #waiting: Exchange[] = []
  #sessionId = 0n
  #password: Uint8Array = NO_PASSWORD
  #timeoutMs: number
  #lastZxid = 0

  constructor(options: {
    readonly platform: SessionPlatform
    readonly addresses: readonly Address[]
    readonly sessionTimeoutMs: number
    readonly renewExpired: boolean
    readonly chroot: string
  }) {
    this.watches = new WatchTable(options.chroot)
    this.#platform = options.platform
    this.#addresses = options.addresses
    this.#askedTimeoutMs = options.sessionTimeoutMs
    this.#timeoutMs = options.sessionTimeoutMs
    this.#renewExpired = options.renewExpired
    // Clients spread over the members.
    this.#nextAddress = Math.floor(this.#platform.random() * options.addresses.length)
    this.#dial()
  }

  get state(): CoordinatorState {
    return this.#state
  }

  get info(): SessionInfo {
    return { sessionId: this.#sessionId, timeoutMs: this.#timeoutMs, lastZxid: this.#lastZxid }
  }

  onState(listener: (state: CoordinatorState) => void): Stop {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Sends a request, or keeps it until a member answers; it fails once every member has been tried in vain.
   *
   * @param onError - may turn an error of the server into a result; called in the order of replies, as `onResult` is.
   */
  ask<N extends OpName, Result>(
    name: N,
    request: Omit<RequestOf<N>, 'type'>,
    what: string,
    onResult: (response: ResponseOf<N>) => Result,
    onError: (error: CoordinatorError) => Result = rethrow,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const settle = (result: () => Result) => {
        try {
          resolve(result())
        } catch (error) {
          if (error instanceof JuteError) throw error
          reject(error)
        }
      }
      const exchange: Exchange = {
        xid: this.#nextXid(),
        request: { type: name, ...request } as unknown as Request,
        onReply: (err, body) =>
          settle(() => (err === 0 ? onResult(decodeResponse(name, body)) : onError(errorOf(err, what)))),
        onFail: (error) =>
          reject(new CoordinatorError(error.code, `${what}: ${error.message}`, { outcome: error.outcome })),
      }
      this.#submit(exchange)
    })
  }

  /** Shows an identity, on this connection and on all that follow. */
  addAuth(scheme: string, auth: Uint8Array): Promise<void> {
    if (this.#state === 'closed')
      return Promise.reject(new CoordinatorError('CLOSED', `addAuth ${scheme}: the client was closed`))
    const { request, done } = this.#auths.add({ scheme, auth }, this.#isOpen)
    if (this.#isOpen) this.#connection?.send(encodeRequest(XIDS.auth, request))
    return done
  }

  renew(): void {
    if (this.#state !== 'expired') return
    this.#setState('connecting')
    this.#dial()
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    if (this.#isOpen && this.#state === 'connected') {
      const farewell = this.ask('closeSession', {}, 'close', () => null).catch(() => null)
      // From here on nothing else may be sent, and what comes is of no interest.
      this.#setState('closed')
      await new Promise<void>((resolve) => {
        const late = this.#platform.timers.after(CLOSE_WAIT_MS, resolve)
        void farewell.then(() => {
          late.cancel()
          resolve()
        })
      })
    } else this.#setState('closed')
    this.#redial?.cancel()
    this.#drop('closed')
    // A write that was sent and not answered may have happened.
    for (const { onFail } of this.#sent.splice(0))
      onFail(
        new CoordinatorError('CLOSED', 'the client was closed before the reply', { outcome: 'indefinite' }),
      )
    this.#failAll('CLOSED', 'the client was closed')
    this.watches.clear()
  }

  #nextXid(): number {
    this.#xid = this.#xid === 0x7fffffff ? 1 : this.#xid + 1
    return this.#xid
  }

  #submit(exchange: Exchange): void {
    if (this.#state === 'closed') {
      exchange.onFail(new CoordinatorError('CLOSED', 'the client was closed'))
    } else if (this.#state === 'expired') {
      exchange.onFail(new CoordinatorError('SESSION_EXPIRED', 'the session has expired'))
    } else if (this.#sent.length + this.#waiting.length >= EXCHANGES_MAX) {
      exchange.onFail(
        new CoordinatorError('CONNECTION_LOSS', 'too many requests wait already', { outcome: 'definite' }),
      )
    } else if (this.#isOpen) this.#send(exchange)
    else this.#waiting.push(exchange)
  }

  #send(exchange: Exchange): void {
    this.#sent.push(exchange)
    this.#connection?.send(encodeRequest(exchange.xid, exchange.request))
  }

  // ---- connections ----

  #dial(): void {
    const address = this.#addresses[this.#nextAddress % this.#addresses.length]
    this.#nextAddress += 1
    if (!address || this.#state === 'closed') return
    const connection = new MemberConnection({
      platform: this.#platform,
      address,
      openTimeoutMs: this.#openTimeoutMs,
      request: {
        protocolVersion: 0,
        lastZxidSeen: this.#lastZxid,
        timeoutMs: this.#askedTimeoutMs,
        sessionId: this.#sessionId,
        password: this.#password,
        readOnly: false,
      },
      events: {
        onOpen: (response) => this.#onOpen(response),
        onPacket: (packet) => this.#onPacket(packet),
        onClose: (reason) => this.#onClose(connection, `${address.host}:${address.port}: ${reason}`),
      },
    })
    this.#connection = connection
  }

  /**
   * Every member has its turn within one session timeout. But a session is opened by a write of the ensemble, and on a slow network that may take longer
   * than one member's share of a short timeout: after each round in vain there is twice as much time, up to the whole timeout.
   */
  get #openTimeoutMs(): number {
    const count = this.#addresses.length
    const rounds = Math.min(10, Math.floor(this.#failures / count))
    const share = Math.max(100, Math.floor(this.#timeoutMs / count))
    return Math.max(share, Math.min(this.#timeoutMs, share * 2 ** rounds))
  }

  #onOpen(response: ConnectResponse): void {
    if (response.timeoutMs <= 0) {
      this.#onExpired()
      return
    }
    this.#isOpen = true
    this.#sessionId = response.sessionId
    this.#password = response.password?.slice() ?? NO_PASSWORD
    this.#timeoutMs = response.timeoutMs
    this.#heartbeat?.cancel()
    this.#heartbeat = this.#platform.timers.every(Math.max(5, this.#timeoutMs / 12), () => this.#beat())
    for (const request of this.#auths.requests()) this.#connection?.send(encodeRequest(XIDS.auth, request))
    // Watches first: nothing that is asked afterwards may be answered with a state whose change was not told.
    for (const portion of this.watches.portions(SET_WATCHES_BYTES_MAX)) {
      // The older one wherever it will do: ZooKeeper has the other since 3.6.
      const stays = portion.persistent.length + portion.persistentRecursive.length > 0
      const type = stays ? 'setWatches2' : 'setWatches'
      const request = { type, relativeZxid: this.#lastZxid, ...portion } as const
      this.#connection?.send(encodeRequest(XIDS.setWatches, request))
    }
    const waiting = this.#waiting
    this.#waiting = []
    for (const exchange of waiting) this.#send(exchange)
    this.#setState('connected')
  }

  #onClose(connection: MemberConnection, reason: string): void {
    if (connection !== this.#connection) return
    const wasOpen = this.#isOpen
    this.#connection = null
    this.#isOpen = false
    this.#heartbeat?.cancel()
    const sent = this.#sent
    this.#sent = []
    for (const { onFail } of sent)
      onFail(new CoordinatorError('CONNECTION_LOSS', `connection lost (${reason})`))
    if (this.#state === 'closed' || this.#state === 'expired') return
    if (wasOpen) this.#setState('disconnected')
    this.#failures += 1
    // Each member once without waiting; then the whole list is down, and whoever waits should know.
    const rounds = Math.floor(this.#failures / this.#addresses.length)
    const roundEnds = this.#failures % this.#addresses.length === 0
    if (roundEnds) this.#failWaiting(reason)
    const waitMs = roundEnds ? backoffMs(rounds, this.#platform.random()) : 0
    this.#redial?.cancel()
    this.#redial = this.#platform.timers.after(waitMs, () => this.#dial())
  }

  #onExpired(): void {
    this.#drop('the session has expired')
    this.#sessionId = 0n
    this.#password = NO_PASSWORD
    this.#lastZxid = 0
    this.watches.clear()
    this.#setState('expired')
    this.#failAll('SESSION_EXPIRED', 'the session has expired')
    if (this.#renewExpired) this.renew()
  }

  /** Lets the connection go without looking for another one. */
  #drop(reason: string): void {
    const connection = this.#connection
    this.#connection = null
    this.#isOpen = false
    this.#heartbeat?.cancel()
    connection?.close(reason)
  }

  #failAll(code: CoordinatorErrorCode, message: string): void {
    const exchanges = [...this.#sent, ...this.#waiting]
    this.#sent = []
    this.#waiting = []
    for (const { onFail } of exchanges) onFail(new CoordinatorError(code, message))
    this.#auths.failAll(new CoordinatorError(code, `addAuth: ${message}`))
  }

  #failWaiting(reason: string): void {
    const waiting = this.#waiting
    this.#waiting = []
    const message = `no coordinator can be reached (last: ${reason}); nothing was sent`
    for (const { onFail } of waiting)
      onFail(new CoordinatorError('CONNECTION_LOSS', message, { outcome: 'definite' }))
  }

  #beat(): void {
    const connection = this.#connection
    if (!connection) return
    const nowMs = this.#platform.timers.nowMs()
    if (nowMs - connection.receivedAtMs > (this.#timeoutMs * 2) / 3) {
      // In time to find another member before the session expires.
      connection.close(`silent for ${Math.round(nowMs - connection.receivedAtMs)} ms`)
    } else if (nowMs - connection.sentAtMs >= this.#timeoutMs / 4) {
      // With a beat each twelfth, a third of the timeout is never exceeded.
      connection.send(encodeRequest(XIDS.ping, { type: 'ping' }))
    }
  }

  // ---- packets ----

  #onPacket(packet: Uint8Array): void {
    try {
      this.#onReply(packet)
    } catch (error) {
      if (!(error instanceof JuteError)) throw error
      this.#connection?.close(`bad packet: ${error.message}`)
    }
  }

  #onReply(packet: Uint8Array): void {
    const { header, body } = readReply(packet)
    if (header.xid === XIDS.notification) {
      this.watches.fire(decodeNotification(body))
      return
    }
    if (header.zxid > this.#lastZxid) this.#lastZxid = header.zxid
    this.#failures = 0
    if (header.xid === XIDS.ping) return
    if (header.xid === XIDS.auth) {
      this.#auths.onReply(header.err)
      return
    }
    if (header.xid === XIDS.setWatches) {
      if (header.err !== 0) this.#connection?.close(`setWatches was refused: ${header.err}`)
      return
    }
    const [exchange] = this.#sent
    if (exchange?.xid !== header.xid) {
      this.#connection?.close(`reply ${header.xid} came where ${exchange?.xid ?? 'none'} was due`)
      return
    }
    // Kept until it is settled: a reply that cannot be read counts as lost, with the connection.
    exchange.onReply(header.err, body)
    this.#sent.shift()
  }

  #setState(state: CoordinatorState): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    for (const listener of [...this.#listeners]) listener(state)
  }
}

function rethrow(error: CoordinatorError): never {
  throw error
}
