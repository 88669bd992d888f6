/**
 * ZooKeeper's tree as one list of znodes, looked through from end to end each time: slow, and what the specification's tables say.
 * Knows one session that never ends, and neither the log nor its zxids' gaps.
 */
import { createHash } from 'node:crypto'

type Id = { readonly scheme: string; readonly id: string }
type Acl = { readonly perms: number; readonly id: Id }

export type ModelOp =
  | {
      readonly type: 'create'
      readonly path: string
      readonly data: string
      readonly acl: readonly Acl[]
      readonly kind: Kind
      readonly sequential: boolean
    }
  | { readonly type: 'delete' | 'check'; readonly path: string; readonly version: number }
  | { readonly type: 'setData'; readonly path: string; readonly data: string; readonly version: number }
  | { readonly type: 'setACL'; readonly path: string; readonly acl: readonly Acl[]; readonly version: number }
  | { readonly type: 'reap'; readonly path: string }

export type Kind = 'plain' | 'ephemeral' | 'container' | { readonly ttlMs: number }

interface Node {
  path: string
  data: string
  acl: readonly Acl[]
  kind: Kind
  version: number
  aversion: number
  created: number
  /** Of children, ever. */
  births: number
  writtenMs: number
  bornMs: number
}

const ANYONE: Acl = { perms: 31, id: { scheme: 'world', id: 'anyone' } }
const FIXED = ['', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']
const FIVE_MINUTES = 300_000

export const modelDigest = (text: string): string =>
  `${text.split(':')[0]}:${createHash('sha1').update(text).digest('base64')}`

export class ZnodeModel {
  #nodes: Node[] = FIXED.map((path) => ({
    path,
    data: '',
    acl: path === '/zookeeper/config' ? [{ ...ANYONE, perms: 1 }] : [ANYONE],
    kind: 'plain',
    version: 0,
    aversion: 0,
    created: 0,
    births: 0,
    writtenMs: 0,
    bornMs: 0,
  }))

  /** An error's code, or 0; all of them or none take effect. */
  do(ops: readonly ModelOp[], who: readonly Id[], nowMs: number): number {
    const before = structuredClone(this.#nodes)
    for (const op of ops) {
      const err = this.#one(op, who, nowMs)
      if (err === 0) continue
      this.#nodes = before
      return err
    }
    return 0
  }

  #one(op: ModelOp, who: readonly Id[], nowMs: number): number {
    switch (op.type) {
      case 'create':
        return this.#create(op, who, nowMs)
      case 'delete':
        return this.#delete(op, who)
      case 'setData':
        return this.#setData(op, who, nowMs)
      case 'setACL':
        return this.#setAcl(op, who)
      case 'check': {
        const node = this.#at(op.path)
        if (!isLegal(op.path)) return -8
        if (node === undefined) return -101
        if (!may(node, 1, who)) return -102
        return op.version === -1 || op.version === node.version ? 0 : -103
      }
      case 'reap': {
        const node = this.#at(op.path)
        if (node !== undefined && this.#isOverdue(node, nowMs)) this.#remove(node)
        return 0
      }
    }
  }

  #create(op: Extract<ModelOp, { type: 'create' }>, who: readonly Id[], nowMs: number): number {
    if (!op.path.includes('/')) return -8
    const acl = resolved(op.acl, who)
    if (acl === null) return -114
    const parent = this.#at(above(op.path))
    if (parent === undefined) return -101
    if (!may(parent, 4, who)) return -102
    const path = op.sequential ? op.path + String(parent.births).padStart(10, '0') : op.path
    if (!isLegal(path)) return -8
    if (this.#at(path) !== undefined) return -110
    if (parent.kind === 'ephemeral') return -108
    if (!this.#fits(path, 1, op.data.length)) return -125
    parent.births += 1
    this.#nodes.push({
      path,
      data: op.data,
      acl,
      kind: op.kind,
      version: 0,
      aversion: 0,
      created: this.#nodes.length,
      births: 0,
      writtenMs: nowMs,
      bornMs: nowMs,
    })
    this.#recount(path)
    return 0
  }

  #delete(op: { readonly path: string; readonly version: number }, who: readonly Id[]): number {
    if (!op.path.includes('/') || op.path === '/' || FIXED.includes(op.path)) return -8
    const parent = this.#at(above(op.path))
    if (parent === undefined) return -101
    if (!may(parent, 8, who)) return -102
    const node = this.#at(op.path)
    if (node === undefined) return -101
    if (op.version !== -1 && op.version !== node.version) return -103
    if (this.#childrenOf(node).length > 0) return -111
    this.#remove(node)
    return 0
  }

  #remove(node: Node): void {
    this.#nodes = this.#nodes.filter((other) => other !== node)
    this.#recount(node.path)
  }

  #setData(op: Extract<ModelOp, { type: 'setData' }>, who: readonly Id[], nowMs: number): number {
    if (!isLegal(op.path)) return -8
    const node = this.#at(op.path)
    if (node === undefined) return -101
    if (!may(node, 2, who)) return -102
    if (!this.#fits(op.path, 0, op.data.length - node.data.length)) return -125
    if (op.version !== -1 && op.version !== node.version) return -103
    node.data = op.data
    node.version += 1
    node.writtenMs = nowMs
    this.#recount(node.path)
    return 0
  }

  #setAcl(op: Extract<ModelOp, { type: 'setACL' }>, who: readonly Id[]): number {
    if (!isLegal(op.path)) return -8
    const acl = resolved(op.acl, who)
    if (acl === null) return -114
    const node = this.#at(op.path)
    if (node === undefined) return -101
    if (!may(node, 16, who)) return -102
    if (op.version !== -1 && op.version !== node.aversion) return -103
    node.acl = acl
    node.aversion += 1
    return 0
  }

  #isOverdue(node: Node, nowMs: number): boolean {
    if (this.#childrenOf(node).length > 0) return false
    if (node.kind === 'container') return node.births > 0 || nowMs - node.bornMs > FIVE_MINUTES
    return typeof node.kind === 'object' && nowMs - node.writtenMs > node.kind.ttlMs
  }

  // Quotas: of what is below /app alone, counted anew after every change.

  #stats(): { count: number; bytes: number } {
    const counted = this.#nodes.filter(({ path }) => path === '/app' || path.startsWith('/app/'))
    return { count: counted.length, bytes: counted.reduce((sum, { data }) => sum + data.length, 0) }
  }

  #fits(path: string, count: number, bytes: number): boolean {
    const limits = this.#at('/zookeeper/quota/app/zookeeper_limits')?.data
    if (limits === undefined || (path !== '/app' && !path.startsWith('/app/'))) return true
    if (this.#at('/zookeeper/quota/app/zookeeper_stats') === undefined) return true
    const limit = (name: string) =>
      Number(new RegExp(`;${name}=(\\d+)`).exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
    const now = this.#stats()
    if (count > 0 && now.count + count > limit('countHardLimit')) return false
    return bytes <= 0 || now.bytes + bytes <= limit('byteHardLimit')
  }

  /** While there are limits; and from the moment on when limits or stats are created. */
  #recount(changed: string): void {
    const stats = this.#at('/zookeeper/quota/app/zookeeper_stats')
    const hasLimits = this.#at('/zookeeper/quota/app/zookeeper_limits') !== undefined
    const isCounted = /^\/app(\/|$)/.test(changed) && hasLimits
    const begins = /\/zookeeper_(limits|stats)$/.test(changed) && this.#at(changed) !== undefined
    if (stats === undefined || !(isCounted || begins)) return
    const { count, bytes } = this.#stats()
    stats.data = `count=${count},bytes=${bytes}`
  }

  /** For comparison: everything but zxids and times. */
  shown(): object[] {
    return this.#nodes.map((node) => ({
      path: node.path || '/',
      data: node.data,
      acl: node.acl,
      version: node.version,
      aversion: node.aversion,
      births: node.births,
      children: this.#childrenOf(node).map(({ path }) => path),
      isEphemeral: node.kind === 'ephemeral',
    }))
  }

  #at(path: string): Node | undefined {
    return this.#nodes.find((node) => node.path === (path === '/' ? '' : path))
  }

  #childrenOf({ path }: Node): Node[] {
    return this.#nodes.filter((other) => other.path !== path && above(other.path) === (path || '/'))
  }
}

const above = (path: string): string => path.replace(/\/[^/]*$/, '') || '/'

const isLegal = (path: string): boolean => path === '/' || /^(\/(?!\.{1,2}(\/|$))[^/]+)+$/.test(path)

function resolved(acl: readonly Acl[], who: readonly Id[]): Acl[] | null {
  const list = acl.flatMap((entry) =>
    entry.id.scheme === 'auth'
      ? who.filter(({ scheme }) => scheme === 'digest').map((id) => ({ perms: entry.perms, id }))
      : [entry],
  )
  const text = new Set<string>()
  const kept = list.filter((entry) => {
    const key = JSON.stringify([entry.perms, entry.id.scheme, entry.id.id])
    return !text.has(key) && text.add(key)
  })
  const auths = acl.filter(({ id }) => id.scheme === 'auth').length
  if (auths > 0 && !who.some(({ scheme }) => scheme === 'digest')) return null
  return kept.length === 0 ? null : kept
}

const may = ({ acl }: Node, perm: number, who: readonly Id[]): boolean =>
  who.some(({ scheme }) => scheme === 'super') ||
  acl.some(
    ({ perms, id }) =>
      (perms & perm) !== 0 &&
      (id.scheme === 'world' || who.some((one) => one.scheme === id.scheme && one.id === id.id)),
  )
