/**
 * Quotas, as ZooKeeper 3.8 keeps them: `/zookeeper/quota/<path>/zookeeper_limits` says how many znodes and bytes the subtree of `/<path>` may
 * hold, `zookeeper_stats` beside it what it holds, both as text. Soft limits (`count`, `bytes`) are the operator's to watch; hard ones
 * (`countHardLimit`, `byteHardLimit`) refuse what would grow beyond them. Only the quota nearest above a znode counts.
 */
import { governedPathOf, LIMITS_NAME, parentOf, QUOTA_ROOT, ROOT, STATS_NAME, statedPathOf } from './paths.ts'
import type { Edit } from './transaction.ts'
import { nodeAt, type ZnodeTree } from './tree.ts'

export interface Usage {
  readonly count: number
  readonly bytes: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Whether the tree may grow so much at `path`. Whatever shrinks, may. */
export function fitsQuota(tree: ZnodeTree, path: string, growth: Usage): boolean {
  const governed = governingPath(tree, path)
  if (governed === null) return true
  const limits = numbersIn(tree, `${QUOTA_ROOT}${governed}/${LIMITS_NAME}`)
  const used = numbersIn(tree, `${QUOTA_ROOT}${governed}/${STATS_NAME}`)
  if (limits === null || used === null) return true
  const fits = (grows: number, usedName: string, limitName: string) => {
    const limit = limits.get(limitName) ?? -1
    return grows <= 0 || limit < 0 || (used.get(usedName) ?? 0) + grows <= limit
  }
  return fits(growth.count, 'count', 'countHardLimit') && fits(growth.bytes, 'bytes', 'byteHardLimit')
}

/** Brings the stats up to date with a change at `path` that has just been made. Neither watches nor versions tell of it. */
export function countInQuota(edit: Edit, path: string, change: Usage): void {
  const { tree } = edit
  const counted = countedFrom(path)
  if (counted !== null && change.count > 0) setStats(edit, counted, usageOf(tree, counted))
  const governed = governingPath(tree, path)
  if (governed === null) return
  const used = numbersIn(tree, `${QUOTA_ROOT}${governed}/${STATS_NAME}`)
  if (used === null) return
  const count = (used.get('count') ?? 0) + change.count
  const bytes = (used.get('bytes') ?? 0) + change.bytes
  setStats(edit, governed, { count, bytes })
}

/** The path whose stats begin anew once this node is there: before, nobody kept them. */
const countedFrom = (path: string): string | null => governedPathOf(path) ?? statedPathOf(path)

/** The nearest path at or above this one that has limits. */
function governingPath(tree: ZnodeTree, path: string): string | null {
  if (tree.governed.size === 0) return null
  for (let at = path; at !== ROOT; at = parentOf(at)) {
    if (tree.governed.has(at)) return at
  }
  return null
}

function setStats({ tree, undo }: Edit, governed: string, { count, bytes }: Usage): void {
  const node = nodeAt(tree, `${QUOTA_ROOT}${governed}/${STATS_NAME}`)
  if (node === undefined) return
  const { data } = node
  node.data = encoder.encode(`count=${count},bytes=${bytes}`)
  undo.push(() => {
    node.data = data
  })
}

/** What a subtree holds, its own top included. */
function usageOf(tree: ZnodeTree, top: string): Usage {
  let count = 0
  let bytes = 0
  const paths = [top]
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const node = nodeAt(tree, path)
    if (node === undefined) continue
    count += 1
    bytes += node.data?.length ?? 0
    for (const name of node.children) paths.push(`${path === ROOT ? '' : path}/${name}`)
  }
  return { count, bytes }
}

/** `count=5,bytes=-1=;byteHardLimit=100`. What is no number is no limit. `null`: there is no such node. */
function numbersIn(tree: ZnodeTree, path: string): Map<string, number> | null {
  const node = tree.nodes.get(path)
  if (node === undefined) return null
  const numbers = new Map<string, number>()
  for (const pair of decoder.decode(node.data ?? new Uint8Array(0)).split(/[,;]+/)) {
    const [name = '', text = ''] = pair.split('=')
    const value = /^-?\d+$/.test(text) ? Number(text) : -1
    numbers.set(name, value)
  }
  return numbers
}
