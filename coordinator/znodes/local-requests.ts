import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import type { LocalRequest, Response } from '../../protocol/zookeeper/ops.ts'
import { type ReadRequest, read } from './reads.ts'
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
  readonly notify: (notification: WatchNotification) => void
}

/** Answers what needs neither the log nor the leader, at the tree's present state. */
export function serveLocally(
  context: LocalContext,
  request: Exclude<LocalRequest, { type: 'sync' }>,
): Answer {
  switch (request.type) {
    case 'ping':
      return success({ type: 'ping' })
    case 'setWatches': {
      const { tree, watches, connection, notify } = context
      if (watches.restore(tree, connection, request, notify)) return success({ type: 'setWatches' })
      // Its client would not look at the error, and believe that all its watches are set.
      return failure(ZK_ERRORS.ThrottledOp, true)
    }
    default:
      return readAndWatch(context, request)
  }
}

function readAndWatch({ tree, watches, connection }: LocalContext, request: ReadRequest): Answer {
  const answer: Answer = { ...read(tree, request), thenClose: false }
  if (!request.watch) return answer
  // Only `exists` watches a node that is not there.
  if (answer.err !== 0 && request.type !== 'exists') return answer
  const kind = request.type === 'exists' || request.type === 'getData' ? 'data' : 'child'
  return watches.add(kind, request.path, connection) ? answer : failure(ZK_ERRORS.ThrottledOp)
}
