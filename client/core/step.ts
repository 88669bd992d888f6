/**
 * The native client: which server each request goes to, when it is tried again, and when nobody can tell what became of it.
 * Pure: the shell gives it events and time, and does what it puts into the outbox.
 *
 * A strong read may be tried anywhere, any number of times. A write is tried again only under its identity (session and request number),
 * which makes the head answer with the first result (DESIGN 3.2, trap 13); without one, a write that got no answer ends as indefinite.
 */
import type { ServerMessage } from '../../protocol/client-messages.ts'
import type { ClusterMap } from '../../protocol/cluster.ts'
import type { Failure } from '../../protocol/commands.ts'
import { ERRORS, StoreError } from '../../protocol/errors.ts'
import type { ChainId } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import { describe } from './describe.ts'
import type { ClientEvent, ClientOutbox, Operation, OperationResult } from './events.ts'
import { adoptMap, askForMap, mapArrived, mapRequestLost, wantMap } from './map-refresh.ts'
import { type ClientState, createRequest, mayHaveHappened, type Request } from './state.ts'
import { abandonTry, complete, dispatch, dropIdentity, fail, isRetriable, send, wait } from './tries.ts'

/** Applies one event. Same state and event, same effects. Mutates `state` and `out`, nothing else. */
export function step(state: ClientState, event: ClientEvent, out: ClientOutbox): void {
  state.nowMs = event.nowMs
  state.health.setNow(event.nowMs)
  switch (event.type) {
    case 'start':
      wantMap(state, out)
      break
    case 'submit':
      onSubmit(state, event.operation, out)
      break
    case 'message':
      onMessage(state, event.from, event.message, out)
      break
    case 'down':
      onDown(state, event.peer, event.reason, out)
      break
    case 'tick':
      onTick(state, out)
      break
    case 'close':
      onClose(state, out)
      break
    default:
      unreachable(event)
  }
}

function onSubmit(state: ClientState, operation: Operation, out: ClientOutbox): void {
  const { limits, outstandingCount, outstandingBytes } = state
  const refuse = (code: 'CLOSED' | 'OVERLOADED', why: string) =>
    out.fail(operation.id, new StoreError(code, `${describe(operation)}: ${why}`, { outcome: 'definite' }))
  if (state.closed) return refuse('CLOSED', 'the client is closed')
  if (outstandingCount >= limits.outstandingMax) {
    return refuse(
      'OVERLOADED',
      `${outstandingCount} requests of this client wait for an answer; that is its limit`,
    )
  }
  if (outstandingCount > 0 && outstandingBytes + operation.bytes > limits.outstandingBytesMax) {
    return refuse(
      'OVERLOADED',
      `${outstandingBytes} bytes wait for an answer; the limit is ${limits.outstandingBytesMax}`,
    )
  }
  state.outstandingCount++
  state.outstandingBytes += operation.bytes
  if (state.nowMs - state.mapAtMs > limits.mapAgeMaxMs) wantMap(state, out)
  dispatch(state, createRequest(state, operation, null), out)
}

function onMessage(state: ClientState, from: string, message: ServerMessage, out: ClientOutbox): void {
  switch (message.type) {
    case 'read-reply':
      onResult(state, from, message.call, message.result, out)
      break
    case 'write-reply':
      onResult(state, from, message.call, message.result, out)
      break
    case 'changes-reply':
      onResult(state, from, message.call, message.result, out)
      break
    case 'status-reply':
      onResult(state, from, message.call, { type: 'status', json: message.json }, out)
      break
    case 'map-reply':
      onMap(state, message.map, out)
      if (message.call === state.refresh?.call) mapArrived(state, out)
      break
    case 'failed':
      state.health.heard(from)
      if (message.map !== null) onMap(state, message.map, out)
      if (message.call === state.refresh?.call) mapRequestLost(state, out)
      else onFailed(state, message.call, message.failure, out)
      break
    default:
      unreachable(message)
  }
}

const READ_RESULTS: ReadonlySet<OperationResult['type']> = new Set(['values', 'page', 'changes'])

function onResult(
  state: ClientState,
  from: string,
  call: number,
  result: OperationResult,
  out: ClientOutbox,
): void {
  const request = state.calls.get(call)
  if (request === undefined) return // its deadline has passed, or another try was answered first
  const { operation } = request
  const kind = READ_RESULTS.has(result.type) ? 'read' : result.type === 'status' ? 'status' : 'write'
  // Not an answer to what was asked: as good as none.
  if (operation.type !== kind || (request.opens !== null && result.type !== 'written')) return
  // A replica that waited for a change is not slow.
  const timed = kind === 'read' && result.type !== 'changes' && call === request.call
  if (timed) state.health.answered(from, state.nowMs - request.sentAtMs)
  else state.health.heard(from)
  if (kind !== 'status') noteSeen(request, result as Exclude<OperationResult, { type: 'status' }>)
  complete(state, request, result, out)
}

/** What the client has seen, no later weak read of it may miss (DESIGN 3.3). */
function noteSeen({ session }: Request, result: Exclude<OperationResult, { type: 'status' }>): void {
  if (session === null) return
  switch (result.type) {
    case 'values':
    case 'page':
      if (result.committed) session.sawCommitted(result.at)
      else session.sawUncommitted(result.at)
      break
    case 'written':
    case 'read-back':
      session.sawCommitted(result.version)
      break
    case 'unmatched':
      if (result.current !== null) session.sawCommitted(result.current.version)
      break
    case 'changes':
      session.sawCommitted(result.next)
      break
    case 'refused':
      break
    default:
      unreachable(result)
  }
}

/** Requests that wait for a newer configuration of their chain need not wait longer. */
function onMap(state: ClientState, map: ClusterMap, out: ClientOutbox): void {
  const wasKnown = state.routing.known
  const newer = new Set<ChainId | null>(adoptMap(state, map, out))
  if (newer.size === 0) return
  for (const request of [...state.waiting]) {
    if (!state.waiting.has(request) || request.queued || request.lastFailure?.code === 'OVERLOADED') continue
    if (!wasKnown || newer.has(request.chain) || request.chain === null) dispatch(state, request, out)
  }
}

function onFailed(state: ClientState, call: number, failure: Failure, out: ClientOutbox): void {
  const request = state.calls.get(call)
  if (request === undefined) return
  const { code } = failure
  state.calls.delete(call)
  if (ERRORS[code].outcome === 'indefinite') request.inDoubt = true
  if (call !== request.call) {
    // An earlier try did not take effect: one doubt less. The one under way, or the wait for it, goes on.
    const others = request.unanswered?.filter((other) => other !== call) ?? []
    request.unanswered = others.length > 0 ? others : null
    return
  }
  request.call = 0
  request.lastFailure = failure
  if (code === 'SESSION_LAPSED') return onSessionLapsed(state, request, out)
  if (code === 'POSITION_LOST') return onPositionLost(state, request, failure, out)
  switch (ERRORS[code].retry) {
    case 'never':
      return fail(state, request, failure, out)
    case 'after-backoff':
      return wait(state, request, { refresh: false }, out)
    case 'after-refresh':
      return retryElsewhere(state, request, out)
    case 'if-idempotent':
      if (isRetriable(state, request)) return retryElsewhere(state, request, out)
      return fail(state, request, failure, out)
    default:
      return unreachable(ERRORS[code])
  }
}

/** The chain has forgotten the session. A write of which no try can have taken effect goes on in a new one. */
function onSessionLapsed(state: ClientState, request: Request, out: ClientOutbox): void {
  const { session, sessionId } = request
  if (session !== null && session.id === sessionId) session.id = null
  if (mayHaveHappened(request)) {
    const message = 'its session has lapsed, and with it what became of an earlier try'
    return fail(state, request, { code: 'SESSION_LAPSED', message }, out)
  }
  dropIdentity(request)
  dispatch(state, request, out)
}

/** Replicas keep more or less of what has changed: whoever came last, by a snapshot, the least. All are asked before it counts as lost. */
function onPositionLost(state: ClientState, request: Request, failure: Failure, out: ClientOutbox): void {
  const { chain, server } = request
  if (server !== null) request.lostAt = [...request.lostAt, server]
  const route = chain === null ? null : state.routing.route(chain)
  const other = route?.readers.spread.find((name) => !request.lostAt.includes(name))
  if (other === undefined) return fail(state, request, failure, out)
  send(state, request, other, out)
}

/** At once where the map names somebody else to ask, otherwise after a while. */
function retryElsewhere(state: ClientState, request: Request, out: ClientOutbox): void {
  const { operation, chain } = request
  if (operation.type === 'status') {
    return fail(state, request, request.lastFailure ?? { code: 'CONNECTION_LOST', message: 'no answer' }, out)
  }
  const route = chain === null ? null : state.routing.route(chain)
  const newer = route !== null && route.config.epoch > request.epoch
  const moved = operation.place.type === 'slot' && state.routing.chainOfSlot(operation.place.slot) !== chain
  const others = operation.type === 'read' && route !== null ? route.readers[operation.policy].length - 1 : 0
  if (!newer && !moved && request.hops >= others) return wait(state, request, { refresh: true }, out)
  if (!newer) wantMap(state, out)
  request.hops++
  dispatch(state, request, out)
}

/** Nobody has answered the try under way, and hardly anybody will. */
function onTryLost(
  state: ClientState,
  request: Request,
  failure: Omit<Failure, 'type'>,
  out: ClientOutbox,
): void {
  abandonTry(request)
  request.lastFailure = failure
  if (request.operation.type === 'status' || !isRetriable(state, request))
    return fail(state, request, failure, out)
  retryElsewhere(state, request, out)
}

function onDown(state: ClientState, peer: string, reason: string, out: ClientOutbox): void {
  state.health.suspect(peer)
  if (state.refresh?.peer === peer) mapRequestLost(state, out)
  for (const [call, request] of [...state.calls]) {
    if (state.calls.get(call) !== request || request.call !== call || request.server !== peer) continue
    onTryLost(
      state,
      request,
      { code: 'CONNECTION_LOST', message: `the connection to ${peer} was lost (${reason})` },
      out,
    )
  }
}

function onTick(state: ClientState, out: ClientOutbox): void {
  const { nowMs } = state
  const due: Request[] = []
  for (const [call, request] of state.calls)
    if (request.wakeAtMs <= nowMs && request.call === call) due.push(request)
  for (const request of state.waiting) if (request.wakeAtMs <= nowMs) due.push(request)
  for (const request of due) {
    const isOver = request.call === 0 ? !state.waiting.has(request) : !state.calls.has(request.call)
    if (!isOver) onDue(state, request, out)
  }
  if (state.outstandingCount > 0 && nowMs - state.mapAtMs > state.limits.mapAgeMaxMs) state.mapWanted = true
  askForMap(state, out)
}

function onDue(state: ClientState, request: Request, out: ClientOutbox): void {
  const { nowMs } = state
  if (request.wakeAtMs > nowMs) return // something else in this tick has sent it again
  if (request.deadlineMs <= nowMs) return onDeadline(state, request, out)
  if (request.call === 0) return dispatch(state, request, out)
  const { server, session, operation } = request
  if (server !== null) state.health.suspect(server)
  if (operation.type === 'read') session?.forgetUncommitted()
  onTryLost(state, request, { code: 'TIMEOUT', message: `no reply from ${server}` }, out)
}

/** No more tries. An error that was answered explains more than that time has passed. */
function onDeadline(state: ClientState, request: Request, out: ClientOutbox): void {
  // A write that waits for its session fails for what has kept the session from being opened.
  const { lastFailure, call, server } = (request.queued ? request.session?.opening : null) ?? request
  const limit = request.opens === null ? ` in ${request.operation.timeoutMs} ms` : ''
  if (call !== 0 || lastFailure === null) {
    const asked = server === null ? 'no server to ask was found' : `no reply from ${server}`
    return fail(state, request, { code: 'TIMEOUT', message: `${asked}${limit}` }, out)
  }
  fail(state, request, { code: lastFailure.code, message: `no success${limit}: ${lastFailure.message}` }, out)
}

function onClose(state: ClientState, out: ClientOutbox): void {
  state.closed = true
  state.refresh = null
  state.mapWanted = false
  const requests = new Set([...state.calls.values(), ...state.waiting])
  for (const session of state.sessions.values()) session.queue.length = 0
  for (const request of requests) {
    if (request.opens !== null) continue
    fail(state, request, { code: 'CLOSED', message: 'the client was closed' }, out)
  }
  state.calls.clear()
  state.waiting.clear()
}
