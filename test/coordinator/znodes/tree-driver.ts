import { type ApplyResult, apply } from '../../../coordinator/znodes/apply.ts'
import type { Command, CommandOp } from '../../../coordinator/znodes/command.ts'
import { identitiesOfAddress } from '../../../coordinator/znodes/identities.ts'
import { newTree, nodeAt, type Owner, statOf, type ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import type { WriteRequest } from '../../../protocol/zookeeper/ops.ts'
import type { Acl, Stat } from '../../../protocol/zookeeper/records.ts'

export const OPEN: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
export const LOCALHOST = identitiesOfAddress('127.0.0.1')
export const utf8 = (text: string) => new TextEncoder().encode(text)

/** Short forms of requests. */
export const create = (path: string, flags = 0, acl = OPEN) =>
  ({ type: 'create', path, data: utf8('x'), acl, flags }) as const
export const create2 = (path: string, flags = 0) =>
  ({ type: 'create2', path, data: null, acl: OPEN, flags }) as const
export const remove = (path: string, version = -1) => ({ type: 'delete', path, version }) as const
export const setData = (path: string, text = 'y', version = -1) =>
  ({ type: 'setData', path, data: utf8(text), version }) as const
export const check = (path: string, version = -1) => ({ type: 'check', path, version }) as const
export const multi = (...ops: Extract<WriteRequest, { type: 'multi' }>['ops']) =>
  ({ type: 'multi', ops }) as const

/** Feeds entries to a tree as the log would, numbering the writes of each owner. */
export class TreeDriver {
  tree: ZnodeTree = newTree()
  #timeWallMs = 1_700_000_000_000
  readonly #orders = new Map<string, number>()

  entry(command: Omit<Command, 'timeWallMs'>): ApplyResult {
    this.#timeWallMs += 1
    return apply(this.tree, this.tree.zxid + 1, { ...command, timeWallMs: this.#timeWallMs })
  }

  get timeWallMs(): number {
    return this.#timeWallMs
  }

  open(owner: Owner, timeoutMs = 10_000): bigint {
    return this.entry({
      session: 0n,
      owner,
      order: 0,
      identities: null,
      op: { type: 'create-session', timeoutMs },
    }).opened
  }

  move(session: bigint, owner: Owner, timeoutMs = 10_000): ApplyResult {
    return this.entry({
      session,
      owner,
      order: 0,
      identities: null,
      op: { type: 'resume-session', timeoutMs },
    })
  }

  expire(session: bigint): ApplyResult {
    return this.entry({ session, owner: null, order: 0, identities: null, op: { type: 'expire-session' } })
  }

  write(session: bigint, owner: Owner, op: CommandOp, identities = LOCALHOST): ApplyResult {
    const key = `${session} ${owner.member} ${owner.connection}`
    const order = (this.#orders.get(key) ?? 0) + 1
    this.#orders.set(key, order)
    return this.entry({ session, owner, order, identities, op })
  }

  stat(path: string): Stat | undefined {
    const node = nodeAt(this.tree, path)
    return node === undefined ? undefined : statOf(node)
  }
}

/** A tree with one session and a short way to write in it. */
export function openTree() {
  const driver = new TreeDriver()
  const owner: Owner = { member: 1, connection: 1 }
  const session = driver.open(owner)
  return {
    driver,
    owner,
    session,
    write: (op: CommandOp, identities = LOCALHOST) => driver.write(session, owner, op, identities),
  }
}
