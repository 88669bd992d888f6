import type { ZnodeTree } from '../../coordinator/znodes/tree.ts'

/** Trees up to this size are measured whenever they have changed. */
const SMALL_NODES = 10_000
/** How old the size of a larger one may be. */
const STALE_MS = 10_000

/** Bytes of a tree's paths and data. Measuring takes time in proportion to the tree, so that of a large one may be some seconds old. */
export class TreeSize {
  #bytes = 0
  #zxid = -1
  #measuredMs = Number.NEGATIVE_INFINITY

  bytesOf(tree: ZnodeTree, nowMs: number): number {
    if (tree.zxid === this.#zxid) return this.#bytes
    if (tree.nodes.size > SMALL_NODES && nowMs - this.#measuredMs < STALE_MS) return this.#bytes
    let bytes = 0
    for (const [path, { data }] of tree.nodes) bytes += path.length + (data?.length ?? 0)
    this.#bytes = bytes
    this.#zxid = tree.zxid
    this.#measuredMs = nowMs
    return bytes
  }
}
