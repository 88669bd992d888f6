/** Containers and TTL znodes end by themselves. The leader looks for them now and then; what it proposes is judged again when it is applied. */
import type { Edit } from './transaction.ts'
import { removeNode } from './transaction.ts'
import type { Znode, ZnodeTree } from './tree.ts'

/** A container that never had a child gets so long to have one. */
export const UNUSED_CONTAINER_MS = 5 * 60_000

/** Whether its time has come. Only what has no children goes: a container once it had some, a TTL znode once it was not written for so long. */
export function isOverdue(node: Znode, nowWallMs: number): boolean {
  if (node.children.size > 0) return false
  switch (node.lifetime) {
    case 'container':
      return node.createCount > 0 || nowWallMs - node.ctimeWallMs > UNUSED_CONTAINER_MS
    case 'ttl':
      return nowWallMs - node.mtimeWallMs > node.ttlMs
    default:
      return false
  }
}

/** Paths whose time has come, at most `countMax`. */
export function overduePaths(tree: ZnodeTree, nowWallMs: number, countMax: number): readonly string[] {
  const paths: string[] = []
  for (const path of tree.mortal) {
    if (paths.length >= countMax) break
    const node = tree.nodes.get(path)
    if (node !== undefined && isOverdue(node, nowWallMs)) paths.push(path)
  }
  return paths
}

/** Deletes the node if it is still there, still of that kind, and overdue. */
export function reap(edit: Edit, path: string): void {
  const node = edit.tree.nodes.get(path)
  if (node !== undefined && isOverdue(node, edit.timeWallMs)) removeNode(edit, path, node)
}
