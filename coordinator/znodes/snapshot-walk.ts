/**
 * A snapshot of the tree at one entry, written in slices while further entries are applied. Whatever an entry may change is kept first,
 * as it was: copy on write. Knows which znodes an entry may touch, and nothing of what they look like when written.
 */
import { JuteWriter } from '../../protocol/zookeeper/jute.ts'
import type { Command } from './command.ts'
import { parentOf, QUOTA_ROOT, ROOT, STATS_NAME } from './paths.ts'
import { CONFIG_PATH } from './reconfig.ts'
import { writeTreeHead, writeTreeNode } from './snapshot.ts'
import { nodeAt, type Znode, type ZnodeTree } from './tree.ts'

/** A slice ends after so many znodes, or so many bytes: a few milliseconds. */
const SLICE_NODES = 1_000
const SLICE_BYTES = 512 * 1024

export class SnapshotWalk {
  readonly #tree: ZnodeTree
  readonly #head: JuteWriter
  /** In their order, as they were when it began: references, so that beginning costs little. */
  readonly #paths: readonly string[]
  readonly #nodes: readonly Znode[]
  /** As they were. Of each only what is written matters. */
  readonly #kept = new Map<Znode, Znode>()
  #next = 0

  /** The state as it is now. From here on `keep` must hear of each entry before it is applied. */
  constructor(tree: ZnodeTree) {
    this.#tree = tree
    this.#paths = [...tree.nodes.keys()]
    this.#nodes = [...tree.nodes.values()]
    this.#head = new JuteWriter()
    writeTreeHead(this.#head, tree)
  }

  /** The next bytes of it; null: that was all. */
  next(): Uint8Array | null {
    if (this.#next >= this.#nodes.length) return null
    const writer = this.#next === 0 ? this.#head : new JuteWriter()
    const end = Math.min(this.#nodes.length, this.#next + SLICE_NODES)
    while (this.#next < end && writer.length < SLICE_BYTES) {
      const node = this.#nodes[this.#next]
      const path = this.#paths[this.#next]
      this.#next += 1
      if (node === undefined || path === undefined) continue
      writeTreeNode(writer, path, this.#kept.get(node) ?? node)
      this.#kept.delete(node)
    }
    return writer.take()
  }

  /** The next entry applied may change these znodes. */
  keep({ op, session }: Command): void {
    switch (op.type) {
      case 'noop': // a leader's first entry, or a configuration
        return this.#keepNode(CONFIG_PATH)
      case 'create-session':
      case 'resume-session':
      case 'abandon-reconfig':
      case 'reconfig':
        return
      case 'expire-session':
      case 'closeSession':
        for (const path of this.#tree.sessions.get(session)?.ephemerals ?? []) this.#keepAround(path)
        return
      case 'multi':
        for (const { path } of op.ops) this.#keepAround(path)
        return
      default:
        return this.#keepAround(op.path)
    }
  }

  /** The znode, its parent, and whatever counts it for a quota. */
  #keepAround(path: string): void {
    this.#keepNode(path)
    this.#keepNode(parentOf(path))
    if (path.startsWith(QUOTA_ROOT)) this.#keepNode(`${parentOf(path)}/${STATS_NAME}`)
    if (this.#tree.governed.size === 0) return
    for (let above = path; above !== ROOT; above = parentOf(above))
      this.#keepNode(`${QUOTA_ROOT}${above}/${STATS_NAME}`)
  }

  #keepNode(path: string): void {
    const node = nodeAt(this.#tree, path)
    if (node !== undefined && !this.#kept.has(node)) this.#kept.set(node, { ...node })
  }
}
