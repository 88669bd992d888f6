import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import type { Acl } from '../../protocol/zookeeper/records.ts'
import type { Identities } from './identities.ts'
import { parentOf } from './paths.ts'
import { countInQuota } from './quota.ts'
import { attach, detach, nodeAt, type Session, type Znode, type ZnodeTree } from './tree.ts'

/** One change that may fire watches. */
export interface Change {
  readonly type: 'created' | 'deleted' | 'data-changed'
  readonly path: string
  /** Of the node and of its parent when it happened: who may not read them hears nothing. */
  readonly acl: readonly Acl[]
  readonly parentAcl: readonly Acl[]
}

/** What one entry does to the tree. */
export interface Edit {
  readonly tree: ZnodeTree
  readonly zxid: number
  readonly timeWallMs: number
  /** In the order in which watches must fire. */
  readonly changes: Change[]
  /** Undoes every change so far, last one first. */
  readonly undo: (() => void)[]
}

/** An edit that a client asks for. */
export interface Transaction extends Edit {
  readonly session: Session
  /** `null`: nothing is checked. */
  readonly identities: Identities | null
}

export type Outcome<Value> =
  | { readonly err: 0; readonly response: Value }
  | { readonly err: Exclude<ZkErrorCode, 0>; readonly response: null }

export const done = <Value>(response: Value): Outcome<Value> => ({ err: 0, response })
export const failed = (name: Exclude<keyof typeof ZK_ERRORS, 'Ok'>): Outcome<never> => ({
  err: ZK_ERRORS[name],
  response: null,
})

/** As if nothing had been done. */
export function rollBack(edit: Edit): void {
  for (const undo of edit.undo.splice(0).reverse()) undo()
  edit.changes.length = 0
}

/** Puts a new node into the tree. */
export function addNode(edit: Edit, path: string, { node, parent }: { node: Znode; parent: Znode }): void {
  const { tree, zxid } = edit
  const { createCount, pzxid } = parent
  parent.createCount = (createCount + 1) | 0
  parent.pzxid = zxid
  attach(tree, path, node)
  edit.changes.push({ type: 'created', path, acl: node.acl, parentAcl: parent.acl })
  edit.undo.push(() => {
    detach(tree, path, node)
    Object.assign(parent, { createCount, pzxid })
  })
  countInQuota(edit, path, { count: 1, bytes: node.data?.length ?? 0 })
}

/** Takes a node without children out of the tree. */
export function removeNode(edit: Edit, path: string, node: Znode): void {
  const { tree, zxid } = edit
  detach(tree, path, node)
  const parent = nodeAt(tree, parentOf(path))
  edit.changes.push({ type: 'deleted', path, acl: node.acl, parentAcl: parent?.acl ?? node.acl })
  if (parent === undefined) return // a node outlives its children only
  const { pzxid } = parent
  parent.pzxid = zxid
  edit.undo.push(() => {
    attach(tree, path, node)
    parent.pzxid = pzxid
  })
  countInQuota(edit, path, { count: -1, bytes: -(node.data?.length ?? 0) })
}
