import { unreachable } from '../../protocol/invariants.ts'
import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import type { LocalRequest, RequestOf, Response } from '../../protocol/zookeeper/ops.ts'
import { ADD_WATCH_MODES, WATCHER_TYPES, type WatcherType } from '../../protocol/zookeeper/ops.ts'
import type { Identities } from './identities.ts'
import {
  countDescendants,
  ownEphemerals,
  type ReadRequest,
  read,
  readAcl,
  readMulti,
  whoAmI,
} from './reads.ts'
import type { ZnodeTree } from './tree.ts'
import type { WatchNotification, WatchTable } from './watches.ts'

/** A reply in the making. */
export interface Answer {
  readonly err: ZkErrorCode
  readonly response: Response | null
  readonly thenClose: boolean
}

export const failure = (err: ZkErrorCode, thenClose = false): Answer => ({ err, response: null, thenClose })
export const success = (response: Response): Answer => ({ err: 0, response, thenClose: false })

/** What a request that is answered here, in its turn, works on. */
export interface LocalContext {
  readonly tree: ZnodeTree
  readonly watches: WatchTable
  readonly connection: number
  readonly session: bigint
  /** Of the connection, when the request came. */
  readonly identities: Identities
  readonly notify: (notification: WatchNotification) => void
}

/**
 * Its connection ends, too: a client that does not look at the error would believe that its watch is set, and one that floods
 * watches gains nothing by going on.
 */
const TOO_MANY_WATCHES = failure(ZK_ERRORS.ThrottledOp, true)

/** Answers what needs neither the log nor the leader, at the tree's present state. */
export function serveLocally(
  context: LocalContext,
  request: Exclude<LocalRequest, { type: 'sync' }>,
): Answer {
  const { tree, session, identities } = context
  switch (request.type) {
    case 'ping':
      return success({ type: 'ping' })
    case 'setWatches':
    case 'setWatches2': {
      const { tree, watches, connection, notify } = context
      if (watches.restore(tree, connection, request, notify)) return success({ type: request.type })
      return TOO_MANY_WATCHES
    }
    case 'addWatch':
      return addWatch(context, request)
    case 'removeWatches':
    case 'checkWatches':
      return removeOrCheck(context, request)
    case 'exists':
    case 'getData':
    case 'getChildren':
    case 'getChildren2':
      return readAndWatch(context, request)
    case 'multiRead':
      return { ...readMulti(tree, request, identities), thenClose: false }
    case 'getACL':
      return { ...readAcl(tree, request.path, identities), thenClose: false }
    case 'getAllChildrenNumber':
      return { ...countDescendants(tree, request.path, identities), thenClose: false }
    case 'getEphemerals':
      return { ...ownEphemerals(tree, session, request.prefix), thenClose: false }
    case 'whoAmI':
      return { ...whoAmI(identities), thenClose: false }
    case 'sasl':
      return failure(ZK_ERRORS.AuthFailed) // not offered; an empty token would make clients ask again and again
    case 'auth':
      return failure(ZK_ERRORS.AuthFailed, true) // the door's affair: none comes here
    default:
      return unreachable(request)
  }
}

function readAndWatch(context: LocalContext, request: ReadRequest): Answer {
  const { tree, watches, connection, identities } = context
  const answer: Answer = { ...read(tree, request, identities), thenClose: false }
  if (!request.watch) return answer
  // Only `exists` watches a node that is not there.
  if (answer.err !== 0 && request.type !== 'exists') return answer
  const kind = request.type === 'exists' || request.type === 'getData' ? 'data' : 'child'
  return watches.add(kind, request.path, connection) ? answer : TOO_MANY_WATCHES
}

/** A node need not be there. */
function addWatch({ watches, connection }: LocalContext, { mode, path }: RequestOf<'addWatch'>): Answer {
  const isRecursive = mode === ADD_WATCH_MODES.persistentRecursive
  if (!isRecursive && mode !== ADD_WATCH_MODES.persistent) return failure(ZK_ERRORS.MarshallingError)
  if (!watches.addPersistent(isRecursive ? 'recursive' : 'persistent', path, connection))
    return TOO_MANY_WATCHES
  return success({ type: 'addWatch', err: 0 })
}

const watcherTypes: readonly number[] = Object.values(WATCHER_TYPES)
const isWatcherType = (type: number): type is WatcherType => watcherTypes.includes(type)

function removeOrCheck(
  { watches, connection }: LocalContext,
  { type, path, watcherType }: RequestOf<'removeWatches' | 'checkWatches'>,
): Answer {
  if (!isWatcherType(watcherType)) return failure(ZK_ERRORS.MarshallingError)
  const found =
    type === 'removeWatches'
      ? watches.remove(watcherType, path, connection)
      : watches.has(watcherType, path, connection)
  return found ? success({ type }) : failure(ZK_ERRORS.NoWatcher)
}
