/**
 * The replicated state machine: committed entries in, in log order; results, changes and ended sessions out. Knows
 * nothing of connections, watches or time beyond what the entry carries.
 */
import { invariant, unreachable } from '../../protocol/invariants.ts'
import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import type { Response, WriteRequest } from '../../protocol/zookeeper/ops.ts'
import type { Command } from './command.ts'
import { reap } from './reaper.ts'
import { abandonReconfig, beginReconfig, type ReconfigProgress } from './reconfig.ts'
import type { Change, Edit, Transaction } from './transaction.ts'
import type { Owner, Session, ZnodeTree } from './tree.ts'
import { applyMulti, applyOp, endSession, setAcl } from './writes.ts'

export interface ApplyResult {
  readonly zxid: number
  /**
   * `ignored-duplicate`: this owner's command of that order has been applied before. `ignored-gap`: one before it is
   * missing, because it got lost on its way to the leader. Neither is answered.
   */
  readonly status: 'applied' | 'ignored-duplicate' | 'ignored-gap'
  readonly err: ZkErrorCode
  /** Of a client's request that succeeded. */
  readonly response: Response | null
  /** The session that a create-session or resume-session gave to its owner; else 0n. */
  readonly opened: bigint
  /** In the order in which watches must fire. */
  readonly changes: readonly Change[]
  /** Sessions that ended. */
  readonly closed: readonly bigint[]
  /** Absent: nothing of the kind. */
  readonly reconfig?: ReconfigProgress
}

type Effects = Partial<Omit<ApplyResult, 'zxid'>>

/**
 * Applies one committed entry. `zxid` is its Raft log index. Same tree and entry, same result and tree.
 *
 * @example
 * const result = apply(tree, entry.index, decodeCommand(entry.bytes))
 */
export function apply(tree: ZnodeTree, zxid: number, command: Command): ApplyResult {
  invariant('ZxidMonotone', zxid > tree.zxid, () => `entry ${zxid} after ${tree.zxid}`)
  const effects = applyCommand(tree, zxid, command)
  tree.zxid = zxid
  // One by one: a literal with a spread is several times as large, and there is one for each entry.
  const { status = 'applied', err = 0, response = null, opened = 0n, changes = [], closed = [] } = effects
  const result: ApplyResult = { zxid, status, err, response, opened, changes, closed }
  return effects.reconfig === undefined ? result : { ...result, reconfig: effects.reconfig }
}

function applyCommand(tree: ZnodeTree, zxid: number, command: Command): Effects {
  const { op, owner } = command
  if (op.type === 'noop') return {}
  if (op.type === 'abandon-reconfig') return abandonReconfig(tree)
  if (op.type === 'create-session') return createSession(tree, zxid, owner, op.timeoutMs)
  const { timeWallMs, identities } = command
  if (op.type === 'reap') {
    const edit: Edit = { tree, zxid, timeWallMs, changes: [], undo: [] }
    reap(edit, op.path)
    return { changes: edit.changes }
  }
  const session = tree.sessions.get(command.session)
  if (session === undefined) return { err: ZK_ERRORS.SessionExpired }
  if (op.type === 'resume-session') return resumeSession(session, owner, op.timeoutMs)
  const txn: Transaction = { tree, zxid, timeWallMs, changes: [], undo: [], session, identities }
  if (op.type === 'expire-session') return finishSession(txn, null)
  if (!isOwner(session, owner)) return { err: ZK_ERRORS.SessionMoved }
  if (command.order <= session.order) return { status: 'ignored-duplicate' }
  if (command.order > session.order + 1) return { status: 'ignored-gap' }
  session.order = command.order
  return applyRequest(txn, op)
}

function applyRequest(txn: Transaction, op: WriteRequest): Effects {
  switch (op.type) {
    case 'closeSession':
      return finishSession(txn, { type: 'closeSession' })
    case 'multi':
      return { response: applyMulti(txn, op.ops), changes: txn.changes }
    case 'setACL':
      return setAcl(txn, op)
    case 'reconfig':
      return beginReconfig(txn, op)
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
    case 'delete':
    case 'setData':
    case 'check': {
      const { err, response } = applyOp(txn, op)
      return { err, response, changes: txn.changes }
    }
    default:
      return unreachable(op)
  }
}

function finishSession(txn: Transaction, response: Response | null): Effects {
  endSession(txn)
  return { response, changes: txn.changes, closed: [txn.session.id] }
}

function createSession(tree: ZnodeTree, zxid: number, owner: Owner | null, timeoutMs: number): Effects {
  if (owner === null) return { err: ZK_ERRORS.BadArguments }
  const id = sessionIdOf(owner.member, zxid)
  tree.sessions.set(id, {
    id,
    timeoutMs,
    owner,
    order: 0,
    newestConnection: new Map([[owner.member, owner.connection]]),
    ephemerals: new Set(),
  })
  return { opened: id }
}

/** Upper byte: the server, from 1; below it the zxid, which is used once. Never 0. */
export const sessionIdOf = (member: number, zxid: number): bigint =>
  BigInt.asIntN(64, (BigInt(member) << 56n) | BigInt(zxid))

function resumeSession(session: Session, owner: Owner | null, timeoutMs: number): Effects {
  if (owner === null) return { err: ZK_ERRORS.BadArguments }
  if (isOwner(session, owner)) return { opened: session.id } // forwarded twice
  // A connection that lost the session must not get it back: writes that it forwarded long ago could then take
  // effect after those of the connection that the client uses now.
  // 1. connection 4 of member 1 resumes S; its forward is slow.  2. The client tries member 2, resumes S, writes.
  // 3. The slow forward of connection 4 is committed at last.
  const newest = session.newestConnection.get(owner.member) ?? -1
  if (owner.connection <= newest) return { err: ZK_ERRORS.SessionMoved }
  session.newestConnection.set(owner.member, owner.connection)
  session.owner = owner
  session.order = 0
  session.timeoutMs = timeoutMs
  return { opened: session.id }
}

function isOwner(session: Session, owner: Owner | null): boolean {
  return (
    owner !== null && session.owner.member === owner.member && session.owner.connection === owner.connection
  )
}
