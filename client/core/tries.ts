/** One try of a request: where it goes, what it says, and how the next one follows. */
import type { ClientMessage } from '../../protocol/client-messages.ts'
import type { ReadOptions } from '../../protocol/commands.ts'
import { type ErrorCode, StoreError } from '../../protocol/errors.ts'
import { asSeq, type ChainId, NO_SEQ, type RequestId } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import type { ChainSession } from './chain-session.ts'
import { describe } from './describe.ts'
import type { ClientOutbox, OperationResult, ReadOperation, WriteOperation } from './events.ts'
import { wantMap } from './map-refresh.ts'
import {
  type ClientState,
  createRequest,
  identityOf,
  mayHaveHappened,
  type Request,
  sessionOf,
} from './state.ts'

const STRONG: ReadOptions = { consistency: { type: 'strong' }, atLeast: NO_SEQ }
/** Under this id the client sends what it needs for itself. */
const NOBODY = 0 as RequestId

/** Sends a request where it belongs by the newest map, or lets it wait for what it lacks. */
export function dispatch(state: ClientState, request: Request, out: ClientOutbox): void {
  const { operation } = request
  switch (operation.type) {
    case 'status':
      send(state, request, operation.server, out)
      break
    case 'read':
      if (place(state, request, operation, out)) dispatchRead(state, request, operation, out)
      break
    case 'write':
      if (place(state, request, operation, out)) dispatchWrite(state, request, out)
      break
    default:
      unreachable(operation)
  }
}

/** Finds the request's chain. False where it must wait for a map that tells, or has failed. */
function place(
  state: ClientState,
  request: Request,
  operation: ReadOperation | WriteOperation,
  out: ClientOutbox,
): boolean {
  const { place: at } = operation
  const chain = at.type === 'chain' ? at.chain : state.routing.chainOfSlot(at.slot)
  if (chain === null || state.routing.route(chain) === null) {
    wait(state, request, { refresh: true }, out)
    return false
  }
  if (chain === request.chain) return true
  if (request.sessionId !== null && mayHaveHappened(request)) {
    // The other chain knows nothing of the tries that this one saw: to try there could make it happen twice.
    fail(state, request, { code: 'WRONG_CHAIN', message: 'its slot has moved to another chain' }, out)
    return false
  }
  dropIdentity(request)
  request.chain = chain
  request.session = sessionOf(state, chain)
  return true
}

function dispatchRead(
  state: ClientState,
  request: Request,
  operation: ReadOperation,
  out: ClientOutbox,
): void {
  const route = request.chain === null ? null : state.routing.route(request.chain)
  const avoid = request.lastFailure === null ? null : request.server
  const server = route === null ? null : state.routing.reader(route, operation.policy, state.health, avoid)
  if (route === null || server === null) return wait(state, request, { refresh: true }, out)
  request.epoch = route.config.epoch
  send(state, request, server, out)
}

function dispatchWrite(state: ClientState, request: Request, out: ClientOutbox): void {
  const { chain, session } = request
  const route = chain === null ? null : state.routing.route(chain)
  if (route === null || session === null || chain === null)
    return wait(state, request, { refresh: true }, out)
  if (state.exactlyOnce && request.opens === null && request.requestNumber === null) {
    if (session.id === null || session.queue.length > 0 || !session.hasRoom) {
      request.wakeAtMs = request.deadlineMs
      request.queued = true
      state.waiting.add(request)
      session.queue.push(request)
      if (session.id === null) openSession(state, { session, chain, deadlineMs: request.deadlineMs }, out)
      return
    }
    request.sessionId = session.id
    request.requestNumber = session.takeNumber()
  }
  if (route.head === null) return wait(state, request, { refresh: true }, out)
  request.epoch = route.config.epoch
  send(state, request, route.head, out)
}

/** Opens a chain's session for the writes that queue for it. It lasts at least as long as any of them may wait. */
function openSession(
  state: ClientState,
  { session, chain, deadlineMs }: { session: ChainSession; chain: ChainId; deadlineMs: number },
  out: ClientOutbox,
): void {
  const timeoutMs = deadlineMs - state.nowMs
  if (session.opening !== null && session.opening.deadlineMs >= deadlineMs) return
  if (session.opening !== null) {
    session.opening.deadlineMs = deadlineMs
    return
  }
  const operation: WriteOperation = {
    type: 'write',
    id: NOBODY,
    place: { type: 'chain', chain },
    command: { type: 'open-session' },
    timeoutMs,
    bytes: 0,
  }
  session.opening = createRequest(state, operation, session)
  dispatch(state, session.opening, out)
}

/** Sends the writes that a session, or its window, kept waiting. */
export function drainQueue(state: ClientState, session: ChainSession, out: ClientOutbox): void {
  while (session.id !== null && session.queue.length > 0 && session.hasRoom) {
    const request = session.queue.shift()
    if (request === undefined || !state.waiting.has(request)) continue // it has given up meanwhile
    request.queued = false
    request.sessionId = session.id
    request.requestNumber = session.takeNumber()
    dispatch(state, request, out)
  }
}

export function send(state: ClientState, request: Request, server: string, out: ClientOutbox): void {
  const call = state.nextCall++
  state.waiting.delete(request)
  state.calls.set(call, request)
  request.call = call
  request.server = server
  request.sentAtMs = state.nowMs
  const { operation } = request
  // Whoever waits for changes lets the server wait.
  const waitMs =
    operation.type === 'read' && operation.command.type === 'changes' ? operation.command.waitMs : 0
  const patient = request.operation.type === 'status' || !isRetriable(state, request)
  const tryUntilMs = patient ? request.deadlineMs : state.nowMs + waitMs + state.limits.tryTimeoutMs
  request.wakeAtMs = Math.min(request.deadlineMs, tryUntilMs)
  out.send(server, messageOf(request, call), request.operation.bytes)
}

/** Whether a try that nobody answered may be repeated. */
export const isRetriable = (state: ClientState, request: Request): boolean =>
  request.operation.type === 'read' ||
  request.opens !== null ||
  (request.operation.type === 'write' && state.exactlyOnce)

function messageOf(request: Request, call: number): ClientMessage {
  const { operation, chain, session } = request
  if (operation.type === 'status') return { type: 'status-request', call }
  if (chain === null || session === null) throw new Error('a request was sent before it had a chain')
  if (operation.type === 'write') {
    return { type: 'write', call, chain, identity: identityOf(request), command: operation.command }
  }
  const { command, consistency } = operation
  if (command.type === 'changes') return { type: 'changes', call, chain, command }
  const options = consistency.type === 'strong' ? STRONG : { consistency, atLeast: asSeq(session.atLeast) }
  return { type: 'read', call, chain, command, options }
}

/** Lets a request wait for a backoff to end or for a newer configuration of its chain, whichever comes first. */
export function wait(
  state: ClientState,
  request: Request,
  { refresh }: { refresh: boolean },
  out: ClientOutbox,
): void {
  const { backoffFirstMs, backoffMaxMs } = state.limits
  const full = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(request.backoffs++, 16))
  request.hops = 0
  request.wakeAtMs = Math.min(request.deadlineMs, state.nowMs + full * (0.5 + state.rng.next() / 2))
  state.waiting.add(request)
  if (refresh) wantMap(state, out)
}

/** The try under way will hardly be answered; should it be, the answer still counts. */
export function abandonTry(request: Request): void {
  if (request.call === 0) return
  if (request.unanswered === null) request.unanswered = [request.call]
  else request.unanswered.push(request.call)
  request.call = 0
}

export function dropIdentity(request: Request): void {
  const { session, sessionId, requestNumber } = request
  if (session !== null && sessionId !== null && requestNumber !== null)
    session.settle(sessionId, requestNumber)
  request.sessionId = null
  request.requestNumber = null
}

export function complete(
  state: ClientState,
  request: Request,
  result: OperationResult,
  out: ClientOutbox,
): void {
  forget(state, request)
  if (request.opens === null) out.complete(request.operation.id, result)
  else if (result.type === 'written') {
    request.opens.opening = null
    request.opens.open(result.version as number as NonNullable<ChainSession['id']>)
    drainQueue(state, request.opens, out)
  }
  afterSettling(state, request, out)
}

/** Ends a request with an error. Its outcome is as definite as what is known of its tries. */
export function fail(
  state: ClientState,
  request: Request,
  failure: { readonly code: ErrorCode; readonly message: string },
  out: ClientOutbox,
): void {
  const doubt = mayHaveHappened(request)
  forget(state, request)
  if (request.opens !== null) failQueue(state, request.opens, failure, out)
  else {
    const end = doubt ? '; the write may have happened' : ''
    const message = `${describe(request.operation)}: ${failure.message}${end}`
    const isWrite = request.operation.type === 'write'
    const outcome = isWrite ? { outcome: doubt ? ('indefinite' as const) : ('definite' as const) } : {}
    out.fail(request.operation.id, new StoreError(failure.code, message, outcome))
  }
  afterSettling(state, request, out)
}

/** The session cannot be opened: nobody who waits for it will get further. */
function failQueue(
  state: ClientState,
  session: ChainSession,
  failure: { readonly code: ErrorCode; readonly message: string },
  out: ClientOutbox,
): void {
  session.opening = null
  for (const request of session.queue.splice(0)) {
    if (state.waiting.has(request)) fail(state, request, failure, out)
  }
}

function forget(state: ClientState, request: Request): void {
  if (request.call !== 0) state.calls.delete(request.call)
  if (request.unanswered !== null) for (const call of request.unanswered) state.calls.delete(call)
  state.waiting.delete(request)
  dropIdentity(request)
  if (request.opens !== null) return
  state.outstandingCount--
  state.outstandingBytes -= request.operation.bytes
}

function afterSettling(state: ClientState, request: Request, out: ClientOutbox): void {
  const { session } = request
  if (session !== null && session.queue.length > 0) drainQueue(state, session, out)
}
