import type { CoordinatorClient } from '../../../client/coordinator/api.ts'
import { type CoordinatorError, isCoordinatorError } from '../../../client/coordinator/errors.ts'
import { coordinatorOver } from '../../../client/coordinator/session-client.ts'
import { LifeWorld, type SimPlace, sessionPlatform } from '../control/session-platform.ts'
import type { SessionObserver } from '../observer/session-observer.ts'
import { ReplyTap } from './reply-tap.ts'

export interface ZnodeSessionOptions {
  readonly place: SimPlace
  /** Names of coordinators' processes. */
  readonly servers: readonly string[]
  readonly sessionTimeoutMs: number
  readonly renewExpired: boolean
  /** One for each life of a client. */
  readonly observer: SessionObserver
  /** The client was told that this session is over, so its ephemerals are gone. */
  readonly onEnded: (session: bigint) => void
}

/** What was asked, under the number that its reply has. */
export interface Asked<Result> {
  readonly xid: number
  readonly result: Promise<Result>
}

const RENEW_AFTER_MS = 100

/** The real coordinator client, from its first session over those that follow when one expires, until it is closed. */
export class ZnodeSession {
  readonly tap = new ReplyTap()
  readonly world: LifeWorld
  /** Also the observer's name. */
  readonly name: string
  readonly #client: CoordinatorClient
  readonly #options: ZnodeSessionOptions
  #xid = 0
  #sessions = 1
  #id = 0n
  #closed = false

  constructor(options: ZnodeSessionOptions) {
    this.#options = options
    const { place, servers, sessionTimeoutMs, renewExpired, observer } = options
    this.name = observer.name
    this.world = new LifeWorld(place)
    const platform = observer.watching(this.tap.over(sessionPlatform(place, this.world)))
    this.#client = coordinatorOver({ servers, sessionTimeoutMs, renewExpired }, platform)
    this.#client.onState((state) => {
      if (state === 'connected') this.#id = this.#client.session.sessionId
      if (state === 'expired') this.#onExpired()
    })
  }

  /** Of the present session; 0n where there was none yet. */
  get id(): bigint {
    return this.#id
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Who does things in a history: one name for each session. */
  get process(): string {
    return `${this.name}/${this.#sessions}`
  }

  /** Exactly one request: replies are told apart by counting. */
  ask<Result>(call: (client: CoordinatorClient) => Promise<Result>): Asked<Result> {
    return { xid: ++this.#xid, result: call(this.#client) }
  }

  /** As `ask`, for what no history judges: errors of operation are values. */
  async attempt<Result>(
    call: (client: CoordinatorClient) => Promise<Result>,
  ): Promise<{ readonly value: Result; readonly error: null } | { readonly error: CoordinatorError }> {
    const { xid, result } = this.ask(call)
    try {
      return { value: await result, error: null }
    } catch (error) {
      if (isCoordinatorError(error)) return { error }
      throw error
    } finally {
      this.tap.takeZxid(xid)
    }
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.world.timers.after(ms, () => resolve()))
  }

  /** Ends the session in good order, if a member can be reached. What is still under way may never be answered. */
  close(): Promise<void> {
    this.#closed = true
    const id = this.#id
    const { xid, result } = this.ask((client) => client.close())
    return result.then(() => {
      // Refused, where another connection of this client was given the session meanwhile: then it ends when nobody has been heard of it for its timeout.
      if (this.tap.takeReply(xid)?.err === 0) this.#options.onEnded(id)
    })
  }

  #onExpired(): void {
    const id = this.#id
    this.#sessions++
    this.#id = 0n
    this.#options.onEnded(id)
    if (!this.#options.renewExpired) this.world.timers.after(RENEW_AFTER_MS, () => this.#client.renew())
  }
}
