/**
 * The writes of one transaction. Every check runs against the tree as the writes before it left it; the order of the
 * checks is ZooKeeper's, because clients see which one failed first.
 */
import { invariant, unreachable } from '../../protocol/invariants.ts'
import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import type { MultiOp, MultiResult } from '../../protocol/zookeeper/multi.ts'
import { PERMS, type RequestOf, type ResponseOf } from '../../protocol/zookeeper/ops.ts'
import { aclToStore, isAllowed } from './acl.ts'
import { createNode } from './creates.ts'
import { FIXED_PATHS, isPathLike, isValidPath, parentOf } from './paths.ts'
import { countInQuota, fitsQuota } from './quota.ts'
import { done, failed, type Outcome, removeNode, rollBack, type Transaction } from './transaction.ts'
import { nodeAt, statOf } from './tree.ts'

/** All or nothing: on the first failure every op answers with an error, and nothing has changed. */
export function applyMulti(txn: Transaction, ops: readonly MultiOp[]): ResponseOf<'multi'> {
  const results: MultiResult[] = []
  for (const op of ops) {
    const outcome = applyOp(txn, op)
    if (outcome.err !== 0) {
      rollBack(txn)
      return { type: 'multi', results: failureResults(ops.length, results.length, outcome.err) }
    }
    results.push(outcome.response)
  }
  return { type: 'multi', results }
}

function failureResults(count: number, failedIndex: number, err: ZkErrorCode): MultiResult[] {
  return Array.from({ length: count }, (_, i) => {
    if (i < failedIndex) return { type: 'error', err: ZK_ERRORS.Ok }
    return { type: 'error', err: i === failedIndex ? err : ZK_ERRORS.RuntimeInconsistency }
  })
}

export function applyOp(txn: Transaction, op: MultiOp): Outcome<Exclude<MultiResult, { type: 'error' }>> {
  switch (op.type) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return createNode(txn, op)
    case 'delete':
      return deleteNode(txn, op)
    case 'setData':
      return setData(txn, op)
    case 'check':
      return checkVersion(txn, op)
    default:
      return unreachable(op)
  }
}

function deleteNode(txn: Transaction, request: RequestOf<'delete'>): Outcome<ResponseOf<'delete'>> {
  const { tree, identities } = txn
  const { path, version } = request
  if (!isPathLike(path) || FIXED_PATHS.includes(path)) return failed('BadArguments')
  const parent = nodeAt(tree, parentOf(path))
  if (parent === undefined) return failed('NoNode')
  if (!isAllowed(parent.acl, PERMS.delete, identities)) return failed('NoAuth')
  const node = tree.nodes.get(path)
  if (node === undefined) return failed('NoNode')
  if (!versionMatches(version, node.dataVersion)) return failed('BadVersion')
  if (node.children.size > 0) return failed('NotEmpty')
  removeNode(txn, path, node)
  return done({ type: 'delete' })
}

function setData(txn: Transaction, request: RequestOf<'setData'>): Outcome<ResponseOf<'setData'>> {
  const { tree } = txn
  const { path, version } = request
  if (!isValidPath(path)) return failed('BadArguments')
  const node = nodeAt(tree, path)
  if (node === undefined) return failed('NoNode')
  if (!isAllowed(node.acl, PERMS.write, txn.identities)) return failed('NoAuth')
  const growth = { count: 0, bytes: (request.data?.length ?? 0) - (node.data?.length ?? 0) }
  if (!fitsQuota(tree, path, growth)) return failed('QuotaExceeded')
  if (!versionMatches(version, node.dataVersion)) return failed('BadVersion')
  const { data, dataVersion, mzxid, mtimeWallMs } = node
  node.data = request.data?.slice() ?? null
  node.dataVersion = nextVersion(dataVersion)
  node.mzxid = txn.zxid
  node.mtimeWallMs = txn.timeWallMs
  txn.changes.push({ type: 'data-changed', path, acl: node.acl, parentAcl: node.acl })
  txn.undo.push(() => Object.assign(node, { data, dataVersion, mzxid, mtimeWallMs }))
  countInQuota(txn, path, growth)
  return done({ type: 'setData', stat: statOf(node) })
}

/** Fires no watch, and is never part of a multi. */
export function setAcl(txn: Transaction, request: RequestOf<'setACL'>): Outcome<ResponseOf<'setACL'>> {
  const { path, version } = request
  if (!isValidPath(path)) return failed('BadArguments')
  const acl = aclToStore(request.acl, txn.identities)
  if (acl === null) return failed('InvalidAcl')
  const node = nodeAt(txn.tree, path)
  if (node === undefined) return failed('NoNode')
  if (!isAllowed(node.acl, PERMS.admin, txn.identities)) return failed('NoAuth')
  if (!versionMatches(version, node.aclVersion)) return failed('BadVersion')
  node.acl = acl
  node.aclVersion = nextVersion(node.aclVersion)
  return done({ type: 'setACL', stat: statOf(node) })
}

function checkVersion(txn: Transaction, request: RequestOf<'check'>): Outcome<ResponseOf<'check'>> {
  if (!isValidPath(request.path)) return failed('BadArguments')
  const node = nodeAt(txn.tree, request.path)
  if (node === undefined) return failed('NoNode')
  if (!isAllowed(node.acl, PERMS.read, txn.identities)) return failed('NoAuth')
  if (!versionMatches(request.version, node.dataVersion)) return failed('BadVersion')
  return done({ type: 'check' })
}

const versionMatches = (wanted: number, actual: number): boolean => wanted === -1 || wanted === actual

/** Counters wrap at 32 bits and skip -1, which means "any version". */
export function nextVersion(version: number): number {
  const next = (version + 1) | 0
  return next === -1 ? 0 : next
}

/** Deletes what lives with the session and forgets it. */
export function endSession(txn: Transaction): void {
  const { tree, session } = txn
  for (const path of [...session.ephemerals]) {
    const node = tree.nodes.get(path)
    invariant(
      'EphemeralOwner',
      node !== undefined && node.ephemeralOwner === session.id && node.children.size === 0,
      () => `${path} is not an ephemeral of session ${session.id.toString(16)}`,
    )
    removeNode(txn, path, node)
  }
  tree.sessions.delete(session.id)
}
