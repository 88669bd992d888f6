/**
 * The writes of one transaction. Every check runs against the tree as the writes before it left it; the order of the
 * checks is ZooKeeper's, because clients see which one failed first.
 */
import { invariant, unreachable } from '../../protocol/invariants.ts'
import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import type { MultiOp, MultiResult } from '../../protocol/zookeeper/multi.ts'
import type { RequestOf, ResponseOf } from '../../protocol/zookeeper/ops.ts'
import { CREATE_FLAGS } from '../../protocol/zookeeper/ops.ts'
import type { Acl } from '../../protocol/zookeeper/records.ts'
import { normalizeAcl } from './acl.ts'
import { FIXED_PATHS, isPathLike, isValidPath, parentOf, sequenceSuffix } from './paths.ts'
import { attach, detach, newZnode, nodeAt, type Session, statOf, type Znode, type ZnodeTree } from './tree.ts'

/** One change that may fire watches. */
export interface Change {
  readonly type: 'created' | 'deleted' | 'data-changed'
  readonly path: string
  /** Of the node and of its parent when it happened: who may not read them hears nothing. */
  readonly acl: readonly Acl[]
  readonly parentAcl: readonly Acl[]
}

export interface Transaction {
  readonly tree: ZnodeTree
  readonly zxid: number
  readonly timeWallMs: number
  readonly session: Session
  /** In the order in which watches must fire. */
  readonly changes: Change[]
  /** Undoes every change so far, last one first. */
  readonly undo: (() => void)[]
}

export type Outcome<Value> =
  | { readonly err: 0; readonly response: Value }
  | { readonly err: Exclude<ZkErrorCode, 0>; readonly response: null }

const done = <Value>(response: Value): Outcome<Value> => ({ err: 0, response })
const failed = (name: Exclude<keyof typeof ZK_ERRORS, 'Ok'>): Outcome<never> => ({
  err: ZK_ERRORS[name],
  response: null,
})

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

function rollBack(txn: Transaction): void {
  for (const undo of txn.undo.splice(0).reverse()) undo()
  txn.changes.length = 0
}

export function applyOp(txn: Transaction, op: MultiOp): Outcome<Exclude<MultiResult, { type: 'error' }>> {
  switch (op.type) {
    case 'create':
    case 'create2':
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

interface CreateMode {
  readonly ephemeral: boolean
  readonly sequential: boolean
}

/** `null` for flags that create and create2 do not take: TTL nodes have an operation of their own. */
function createModeOf(flags: number): CreateMode | null {
  switch (flags) {
    case CREATE_FLAGS.persistent:
    case CREATE_FLAGS.container: // an ordinary node, as 3.8 makes it; real containers come by createContainer
      return { ephemeral: false, sequential: false }
    case CREATE_FLAGS.ephemeral:
      return { ephemeral: true, sequential: false }
    case CREATE_FLAGS.sequential:
      return { ephemeral: false, sequential: true }
    case CREATE_FLAGS.ephemeralSequential:
      return { ephemeral: true, sequential: true }
    default:
      return null
  }
}

type Created = { readonly type: 'create'; readonly path: string } | ResponseOf<'create2'>

function createNode(txn: Transaction, request: RequestOf<'create'> | RequestOf<'create2'>): Outcome<Created> {
  const { tree, zxid, timeWallMs } = txn
  const mode = createModeOf(request.flags)
  if (mode === null || !isPathLike(request.path)) return failed('BadArguments')
  const acl = normalizeAcl(request.acl)
  if (acl === null) return failed('InvalidAcl')
  const parent = nodeAt(tree, parentOf(request.path))
  if (parent === undefined) return failed('NoNode')
  const path = mode.sequential ? request.path + sequenceSuffix(parent.createCount) : request.path
  if (!isValidPath(path)) return failed('BadArguments')
  if (tree.nodes.has(path)) return failed('NodeExists')
  if (parent.ephemeralOwner !== 0n) return failed('NoChildrenForEphemerals')

  const node = newZnode({
    data: request.data?.slice() ?? null, // the request is a view of its log entry
    acl,
    czxid: zxid,
    mzxid: zxid,
    pzxid: zxid,
    ctimeWallMs: timeWallMs,
    mtimeWallMs: timeWallMs,
    ephemeralOwner: mode.ephemeral ? txn.session.id : 0n,
  })
  const { createCount, pzxid } = parent
  parent.createCount = (createCount + 1) | 0
  parent.pzxid = zxid
  attach(tree, path, node)
  txn.changes.push({ type: 'created', path, acl, parentAcl: parent.acl })
  txn.undo.push(() => {
    detach(tree, path, node)
    Object.assign(parent, { createCount, pzxid })
  })
  if (request.type === 'create') return done({ type: 'create', path })
  return done({ type: 'create2', path, stat: statOf(node) })
}

function deleteNode(txn: Transaction, request: RequestOf<'delete'>): Outcome<ResponseOf<'delete'>> {
  const { tree } = txn
  const { path, version } = request
  if (!isPathLike(path) || FIXED_PATHS.includes(path)) return failed('BadArguments')
  if (nodeAt(tree, parentOf(path)) === undefined) return failed('NoNode')
  const node = tree.nodes.get(path)
  if (node === undefined) return failed('NoNode')
  if (!versionMatches(version, node.dataVersion)) return failed('BadVersion')
  if (node.children.size > 0) return failed('NotEmpty')
  removeNode(txn, path, node)
  return done({ type: 'delete' })
}

function removeNode(txn: Transaction, path: string, node: Znode): void {
  const { tree, zxid } = txn
  detach(tree, path, node)
  const parent = nodeAt(tree, parentOf(path))
  txn.changes.push({ type: 'deleted', path, acl: node.acl, parentAcl: parent?.acl ?? node.acl })
  if (parent === undefined) return // a node outlives its children only
  const { pzxid } = parent
  parent.pzxid = zxid
  txn.undo.push(() => {
    attach(tree, path, node)
    parent.pzxid = pzxid
  })
}

function setData(txn: Transaction, request: RequestOf<'setData'>): Outcome<ResponseOf<'setData'>> {
  const { path, version } = request
  if (!isValidPath(path)) return failed('BadArguments')
  const node = nodeAt(txn.tree, path)
  if (node === undefined) return failed('NoNode')
  if (!versionMatches(version, node.dataVersion)) return failed('BadVersion')
  const { data, dataVersion, mzxid, mtimeWallMs } = node
  node.data = request.data?.slice() ?? null
  node.dataVersion = nextVersion(dataVersion)
  node.mzxid = txn.zxid
  node.mtimeWallMs = txn.timeWallMs
  txn.changes.push({ type: 'data-changed', path, acl: node.acl, parentAcl: node.acl })
  txn.undo.push(() => Object.assign(node, { data, dataVersion, mzxid, mtimeWallMs }))
  return done({ type: 'setData', stat: statOf(node) })
}

function checkVersion(txn: Transaction, request: RequestOf<'check'>): Outcome<ResponseOf<'check'>> {
  if (!isValidPath(request.path)) return failed('BadArguments')
  const node = nodeAt(txn.tree, request.path)
  if (node === undefined) return failed('NoNode')
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
