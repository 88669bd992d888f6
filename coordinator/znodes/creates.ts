import { unreachable } from '../../protocol/invariants.ts'
import type { MultiOp } from '../../protocol/zookeeper/multi.ts'
import { CREATE_FLAGS, PERMS, type ResponseOf } from '../../protocol/zookeeper/ops.ts'
import { aclToStore, isAllowed } from './acl.ts'
import { isPathLike, isValidPath, parentOf, sequenceSuffix } from './paths.ts'
import { fitsQuota } from './quota.ts'
import { addNode, done, failed, type Outcome, type Transaction } from './transaction.ts'
import { type Lifetime, newZnode, nodeAt, statOf } from './tree.ts'

export type CreateRequest = Extract<MultiOp, { readonly acl: unknown }>

type Created = ResponseOf<'create' | 'create2' | 'createContainer' | 'createTTL'>

interface CreateMode {
  readonly ephemeral: boolean
  readonly sequential: boolean
  readonly lifetime: Lifetime
}

const ORDINARY: CreateMode = { ephemeral: false, sequential: false, lifetime: 'endless' }
const TTL_MS_MAX = 2n ** 40n - 1n

/** `null` for flags that this operation does not take, and for a TTL that is none. */
function createModeOf(request: CreateRequest): CreateMode | null {
  const { flags } = request
  switch (request.type) {
    case 'create':
    case 'create2':
      return plainModeOf(flags)
    case 'createContainer':
      // Some clients leave the flags at 0: the operation says it.
      if (flags !== CREATE_FLAGS.container && flags !== CREATE_FLAGS.persistent) return null
      return { ...ORDINARY, lifetime: 'container' }
    case 'createTTL': {
      if (request.ttlMs < 1n || request.ttlMs > TTL_MS_MAX) return null
      if (flags === CREATE_FLAGS.ttl) return { ...ORDINARY, lifetime: 'ttl' }
      return flags === CREATE_FLAGS.sequentialTtl ? { ...ORDINARY, sequential: true, lifetime: 'ttl' } : null
    }
    default:
      return unreachable(request)
  }
}

function plainModeOf(flags: number): CreateMode | null {
  switch (flags) {
    case CREATE_FLAGS.persistent:
    case CREATE_FLAGS.container: // an ordinary node, as 3.8 makes it; real containers come by createContainer
      return ORDINARY
    case CREATE_FLAGS.ephemeral:
      return { ...ORDINARY, ephemeral: true }
    case CREATE_FLAGS.sequential:
      return { ...ORDINARY, sequential: true }
    case CREATE_FLAGS.ephemeralSequential:
      return { ...ORDINARY, ephemeral: true, sequential: true }
    default:
      return null
  }
}

/** The checks in ZooKeeper's order: clients see which one failed first. */
export function createNode(txn: Transaction, request: CreateRequest): Outcome<Created> {
  const { tree, zxid, timeWallMs, identities } = txn
  const mode = createModeOf(request)
  if (mode === null || !isPathLike(request.path)) return failed('BadArguments')
  const acl = aclToStore(request.acl, identities)
  if (acl === null) return failed('InvalidAcl')
  const parent = nodeAt(tree, parentOf(request.path))
  if (parent === undefined) return failed('NoNode')
  if (!isAllowed(parent.acl, PERMS.create, identities)) return failed('NoAuth')
  const path = mode.sequential ? request.path + sequenceSuffix(parent.createCount) : request.path
  if (!isValidPath(path)) return failed('BadArguments')
  if (tree.nodes.has(path)) return failed('NodeExists')
  if (parent.ephemeralOwner !== 0n) return failed('NoChildrenForEphemerals')
  const bytes = request.data?.length ?? 0
  if (!fitsQuota(tree, path, { count: 1, bytes })) return failed('QuotaExceeded')

  const node = newZnode({
    data: request.data?.slice() ?? null, // the request is a view of its log entry
    acl,
    czxid: zxid,
    mzxid: zxid,
    pzxid: zxid,
    ctimeWallMs: timeWallMs,
    mtimeWallMs: timeWallMs,
    ephemeralOwner: mode.ephemeral ? txn.session.id : 0n,
    lifetime: mode.lifetime,
    ttlMs: request.type === 'createTTL' ? Number(request.ttlMs) : 0,
  })
  addNode(txn, path, { node, parent })
  const { type } = request
  return type === 'create' ? done({ type, path }) : done({ type, path, stat: statOf(node) })
}
