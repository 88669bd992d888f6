import type { RequestIdentity } from '../../protocol/client-messages.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import {
  asMillis,
  type ChainId,
  type Epoch,
  type Millis,
  NO_EPOCH,
  type RequestNumber,
  type SessionId,
} from '../../protocol/ids.ts'
import { ChainSession } from './chain-session.ts'
import type { Operation, Rng } from './events.ts'
import { Health } from './health.ts'
import { type ClientLimits, checkLimits } from './limits.ts'
import { Routing } from './routing.ts'

/**
 * One operation on its way. It is in flight (`call` names the try that counts) or it waits: for a backoff to end, for a newer map, for its
 * chain's session. `wakeAtMs` ends either.
 */
export interface Request {
  readonly operation: Operation
  deadlineMs: number
  wakeAtMs: number
  /** Of the try under way; 0 while it waits. */
  call: number
  /** Of earlier tries that nobody has answered. Each may still have taken effect, and its answer is still welcome. */
  unanswered: number[] | null
  /** A try ended in a way that does not tell whether it took effect. */
  inDoubt: boolean
  /** Whom the latest try went to. */
  server: string | null
  sentAtMs: number
  chain: ChainId | null
  /** Of the chain when it was last tried. */
  epoch: Epoch
  /** Reads that went to another replica at once, since the request last waited. */
  hops: number
  backoffs: number
  /** Who has said that the position to watch from is lost there. */
  lostAt: readonly string[]
  /** Waits in the queue of its session. */
  queued: boolean
  session: ChainSession | null
  sessionId: SessionId | null
  requestNumber: RequestNumber | null
  lastFailure: { readonly code: ErrorCode; readonly message: string } | null
  /** Opens the session of this chain, for the client itself: there is nobody to tell. */
  readonly opens: ChainSession | null
}

export interface Refresh {
  readonly call: number
  readonly peer: string
  readonly giveUpAtMs: number
}

export interface ClientState {
  readonly limits: ClientLimits
  readonly rng: Rng
  /** Whether writes carry an identity, so that they can be retried. */
  readonly exactlyOnce: boolean
  /** Whom to ask for a map while no server is known, or none of those answers. */
  readonly bootstrap: readonly string[]
  readonly routing: Routing
  readonly health: Health
  readonly sessions: Map<ChainId, ChainSession>
  /** By call: those in flight, also by their earlier calls. */
  readonly calls: Map<number, Request>
  readonly waiting: Set<Request>
  nowMs: Millis
  nextCall: number
  outstandingCount: number
  outstandingBytes: number
  refresh: Refresh | null
  mapWanted: boolean
  mapNotBeforeMs: number
  mapAtMs: number
  mapTurn: number
  closed: boolean
}

export interface ClientOptions {
  readonly bootstrap: readonly string[]
  readonly rng: Rng
  readonly zone: string | null
  readonly exactlyOnce: boolean
  readonly limits: ClientLimits
}

export function createClientState(options: ClientOptions): ClientState {
  const { rng, zone, exactlyOnce, bootstrap } = options
  const limits = checkLimits(options.limits)
  return {
    limits,
    rng,
    exactlyOnce,
    bootstrap,
    routing: new Routing({ zone, rng }),
    health: new Health(limits.suspectMs),
    sessions: new Map(),
    calls: new Map(),
    waiting: new Set(),
    nowMs: asMillis(0),
    nextCall: 1,
    outstandingCount: 0,
    outstandingBytes: 0,
    refresh: null,
    mapWanted: false,
    mapNotBeforeMs: 0,
    mapAtMs: 0,
    // Clients that start together must not all ask the same server.
    mapTurn: Math.floor(rng.next() * bootstrap.length),
    closed: false,
  }
}

/** One for all: most requests never watch. */
const NOBODY: readonly string[] = []

export const createRequest = (
  state: ClientState,
  operation: Operation,
  opens: ChainSession | null,
): Request => ({
  operation,
  deadlineMs: state.nowMs + operation.timeoutMs,
  wakeAtMs: 0,
  call: 0,
  unanswered: null,
  inDoubt: false,
  server: null,
  sentAtMs: 0,
  chain: null,
  epoch: NO_EPOCH,
  hops: 0,
  backoffs: 0,
  lostAt: NOBODY,
  queued: false,
  session: null,
  sessionId: null,
  requestNumber: null,
  lastFailure: null,
  opens,
})

export function sessionOf(state: ClientState, chain: ChainId): ChainSession {
  let session = state.sessions.get(chain)
  if (session === undefined) {
    session = new ChainSession(state.limits.sessionWindowMax)
    state.sessions.set(chain, session)
  }
  return session
}

/** Whether a write may have taken effect: some try was not answered, or answered without a verdict. */
export const mayHaveHappened = (request: Request): boolean =>
  request.operation.type === 'write' && (request.inDoubt || request.call !== 0 || request.unanswered !== null)

export function identityOf(request: Request): RequestIdentity | null {
  const { session, sessionId, requestNumber } = request
  if (session === null || sessionId === null || requestNumber === null) return null
  return session.identity(sessionId, requestNumber)
}
