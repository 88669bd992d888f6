import { unreachable } from '../../protocol/invariants.ts'
import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import type { RequestOf, Response } from '../../protocol/zookeeper/ops.ts'
import { nodeAt, statOf, type ZnodeTree } from './tree.ts'

export type ReadRequest = RequestOf<'exists' | 'getData' | 'getChildren' | 'getChildren2'>

export interface ReadResult {
  readonly err: ZkErrorCode
  readonly response: Response | null
}

/** Answers from the local tree, at the state of `tree.zxid`. Reads never validate paths: a bad one is not there. */
export function read(tree: ZnodeTree, request: ReadRequest): ReadResult {
  const node = nodeAt(tree, request.path)
  if (node === undefined) return { err: ZK_ERRORS.NoNode, response: null }
  switch (request.type) {
    case 'exists':
      return { err: 0, response: { type: 'exists', stat: statOf(node) } }
    case 'getData':
      return { err: 0, response: { type: 'getData', data: node.data, stat: statOf(node) } }
    case 'getChildren':
      return { err: 0, response: { type: 'getChildren', children: [...node.children] } }
    case 'getChildren2':
      return {
        err: 0,
        response: { type: 'getChildren2', children: [...node.children], stat: statOf(node) },
      }
    default:
      return unreachable(request)
  }
}
