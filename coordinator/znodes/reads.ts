import { unreachable } from '../../protocol/invariants.ts'
import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import type { MultiReadResult } from '../../protocol/zookeeper/multi.ts'
import { PERMS, type RequestOf, type Response } from '../../protocol/zookeeper/ops.ts'
import { isAllowed, withoutDigests } from './acl.ts'
import { type Identities, identitiesIn, userOf } from './identities.ts'
import { LIMITS } from './limits.ts'
import { ROOT } from './paths.ts'
import { nodeAt, statOf, type Znode, type ZnodeTree } from './tree.ts'

export type ReadRequest = RequestOf<'exists' | 'getData' | 'getChildren' | 'getChildren2'>

export interface ReadResult {
  readonly err: ZkErrorCode
  readonly response: Response | null
}

const refused = (err: ZkErrorCode): ReadResult => ({ err, response: null })

/**
 * Answers from the local tree, at the state of `tree.zxid`. Reads never validate paths: a bad one is not there. `exists` tells of a
 * node to everyone, as ZooKeeper 3.8 does.
 */
export function read(tree: ZnodeTree, request: ReadRequest, identities: Identities): ReadResult {
  const node = nodeAt(tree, request.path)
  if (node === undefined) return refused(ZK_ERRORS.NoNode)
  if (request.type === 'exists') return { err: 0, response: { type: 'exists', stat: statOf(node) } }
  if (!isAllowed(node.acl, PERMS.read, identities)) return refused(ZK_ERRORS.NoAuth)
  switch (request.type) {
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

/** Each read is answered, or fails, on its own; those fail that would make the answer too long. No watch is set. */
export function readMulti(
  tree: ZnodeTree,
  { ops }: RequestOf<'multiRead'>,
  identities: Identities,
): ReadResult {
  let bytes = 0
  const results = ops.map((op): MultiReadResult => {
    if (bytes > LIMITS.multiReadBytesMax) return { type: 'error', err: ZK_ERRORS.ThrottledOp }
    const { err, response } = read(tree, op, identities)
    if (response?.type !== 'getData' && response?.type !== 'getChildren') return { type: 'error', err }
    bytes += response.type === 'getData' ? (response.data?.length ?? 0) : bytesOf(response.children)
    return response
  })
  return { err: 0, response: { type: 'multiRead', results } }
}

const bytesOf = (names: readonly string[]) => names.reduce((sum, { length }) => sum + length + 4, 0)

export function readAcl(tree: ZnodeTree, path: string, identities: Identities): ReadResult {
  const node = nodeAt(tree, path)
  if (node === undefined) return refused(ZK_ERRORS.NoNode)
  if (!isAllowed(node.acl, PERMS.read | PERMS.admin, identities)) return refused(ZK_ERRORS.NoAuth)
  const acl = isAllowed(node.acl, PERMS.admin, identities) ? node.acl : withoutDigests(node.acl)
  return { err: 0, response: { type: 'getACL', acl, stat: statOf(node) } }
}

export function countDescendants(tree: ZnodeTree, path: string, identities: Identities): ReadResult {
  const node = nodeAt(tree, path)
  if (node === undefined) return refused(ZK_ERRORS.NoNode)
  if (!isAllowed(node.acl, PERMS.read, identities)) return refused(ZK_ERRORS.NoAuth)
  const isRoot = path === ROOT || path === ''
  const total = isRoot ? tree.nodes.size - 1 : descendantsOf(tree, path, node)
  return { err: 0, response: { type: 'getAllChildrenNumber', total } }
}

function descendantsOf(tree: ZnodeTree, top: string, { children }: Znode): number {
  let total = 0
  const open: (readonly [path: string, children: Iterable<string>])[] = [[top, children]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [path, names] = next
    for (const name of names) {
      total += 1
      const below = tree.nodes.get(`${path}/${name}`)
      if (below !== undefined && below.children.size > 0) open.push([`${path}/${name}`, below.children])
    }
  }
  return total
}

/** What the session itself owns, in order of creation. */
export function ownEphemerals(tree: ZnodeTree, session: bigint, prefix: string): ReadResult {
  const paths = [...(tree.sessions.get(session)?.ephemerals ?? [])]
  return {
    err: 0,
    response: { type: 'getEphemerals', paths: paths.filter((path) => path.startsWith(prefix)) },
  }
}

/** Whom the server takes the client for. Of a digest the user alone. */
export function whoAmI(identities: Identities): ReadResult {
  const shown = identitiesIn(identities).map((id) => ({ scheme: id.scheme, user: userOf(id) }))
  return { err: 0, response: { type: 'whoAmI', identities: shown } }
}
