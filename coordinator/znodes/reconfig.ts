/**
 * The members of the ensemble as replicated state: what a `reconfig` wants, and `/zookeeper/config`, which follows the configurations
 * of the log. In between the leader changes one server at a time.
 */
import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import { PERMS, type RequestOf, type Response } from '../../protocol/zookeeper/ops.ts'
import { isAllowed } from './acl.ts'
import {
  configOf,
  type EnsembleConfig,
  type EnsembleRow,
  hasFormOfRows,
  textOfConfig,
  textOfRows,
  wantedRows,
} from './ensemble-rows.ts'
import type { Change, Transaction } from './transaction.ts'
import { nodeAt, statOf, type ZnodeTree } from './tree.ts'
import { nextVersion } from './writes.ts'

export const CONFIG_PATH = '/zookeeper/config'

/** What an entry means for a `reconfig`. */
export type ReconfigProgress =
  /** It is under way: its client is answered when it ends. */
  | { readonly type: 'begun' }
  /** The one that was under way has been done, or given up. */
  | { readonly type: 'ended'; readonly err: ZkErrorCode }

interface ReconfigEffects {
  readonly err?: ZkErrorCode
  readonly response?: Response | null
  readonly changes?: readonly Change[]
  readonly reconfig?: ReconfigProgress
}

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** null: the ensemble has not written down its members yet. */
export function currentConfig(tree: ZnodeTree): EnsembleConfig | null {
  const data = nodeAt(tree, CONFIG_PATH)?.data
  return data === null || data === undefined ? null : configOf(decoder.decode(data))
}

/** The client's wish. `identities` null: whoever asks may (see `Command`). */
export function beginReconfig(
  { tree, identities }: Transaction,
  request: RequestOf<'reconfig'>,
): ReconfigEffects {
  const node = nodeAt(tree, CONFIG_PATH)
  const mayAsk = node !== undefined && isAllowed(node.acl, PERMS.write, identities)
  const current = currentConfig(tree)
  if (current === null) return { err: mayAsk ? ZK_ERRORS.ReconfigInProgress : ZK_ERRORS.NoAuth }
  // As in ZooKeeper, whose ACL comes last: kazoo's suite asks for a wrong version, and for nonsense, as nobody.
  if (request.currentConfigId !== -1 && request.currentConfigId !== current.version)
    return { err: ZK_ERRORS.BadVersion }
  const rows = wantedRows(current.rows, {
    joining: request.joining ?? '',
    leaving: request.leaving ?? '',
    newMembers: request.newMembers ?? '',
  })
  const isSense = [request.joining, request.newMembers].every((text) => hasFormOfRows(text ?? ''))
  if (!isSense) return { err: ZK_ERRORS.BadArguments }
  if (!mayAsk) return { err: ZK_ERRORS.NoAuth }
  if (rows === null) return { err: ZK_ERRORS.BadArguments }
  if (tree.reconfig !== null) return { err: ZK_ERRORS.ReconfigInProgress }
  if (textOfRows(rows) === textOfRows(current.rows)) return { response: configResponse(tree) }
  tree.reconfig = textOfRows(rows)
  return { reconfig: { type: 'begun' } }
}

/** What a client is told of `/zookeeper/config` when its `reconfig` is done. */
export function configResponse(tree: ZnodeTree): Response | null {
  const node = nodeAt(tree, CONFIG_PATH)
  return node === undefined ? null : { type: 'reconfig', data: node.data, stat: statOf(node) }
}

/** A configuration of the log is committed. */
export function applyConfiguration(
  tree: ZnodeTree,
  { rows, zxid }: { readonly rows: readonly EnsembleRow[]; readonly zxid: number },
): ReconfigEffects {
  const node = nodeAt(tree, CONFIG_PATH)
  if (node === undefined) return {}
  node.data = encoder.encode(textOfConfig({ rows, version: zxid }))
  node.dataVersion = nextVersion(node.dataVersion)
  node.mzxid = zxid
  const changes: Change[] = [{ type: 'data-changed', path: CONFIG_PATH, acl: node.acl, parentAcl: node.acl }]
  if (tree.reconfig !== textOfRows(rows)) return { changes }
  tree.reconfig = null
  return { changes, reconfig: { type: 'ended', err: 0 } }
}

/** The leader gives up: what has been done stays, the rest is not done. */
export function abandonReconfig(tree: ZnodeTree): ReconfigEffects {
  if (tree.reconfig === null) return {}
  tree.reconfig = null
  return { reconfig: { type: 'ended', err: ZK_ERRORS.NewConfigNoQuorum } }
}
