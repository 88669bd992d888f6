import {
  JuteError,
  JuteReader,
  JuteWriter,
  type RecordOf,
  readRecord,
  record,
  vectorOf,
  writeRecord,
} from '../../protocol/zookeeper/jute.ts'
import { ACL } from '../../protocol/zookeeper/records.ts'
import { storedAcl } from './acl.ts'
import { FIXED_PATHS, isValidPath, parentOf, ROOT } from './paths.ts'
import { attach, bareTree, type Lifetime, newZnode, type Znode, type ZnodeTree } from './tree.ts'

const MAGIC = 0x43544e5a // CTNZ
/** The first format knew neither containers nor TTLs. */
const FORMATS = { first: 1, lifetimes: 2 } as const

const CONNECTION = record('Connection', [
  ['member', 'int'],
  ['connection', 'long'],
])
const SESSION = record('Session', [
  ['id', 'id'],
  ['timeoutMs', 'int'],
  ['owner', CONNECTION],
  ['order', 'long'],
  ['newestConnections', vectorOf(CONNECTION)],
])
const NODE = record('Node', [
  ['path', 'ustring'],
  ['data', 'buffer'],
  ['acl', vectorOf(ACL)],
  ['czxid', 'long'],
  ['mzxid', 'long'],
  ['pzxid', 'long'],
  ['ctimeWallMs', 'long'],
  ['mtimeWallMs', 'long'],
  ['dataVersion', 'int'],
  ['aclVersion', 'int'],
  ['ephemeralOwner', 'id'],
  ['createCount', 'int'],
])
/** 0: the node has no end of its own; -1: it is a container; else its TTL. */
const LIFETIME = record('Lifetime', [['lifetime', 'long']])
const NODE_WITH_LIFETIME = record('Node', [...NODE.fields, ...LIFETIME.fields])
const HEADER = record('SnapshotHeader', [
  ['magic', 'int'],
  ['format', 'int'],
  ['zxid', 'long'],
  ['sessionCount', 'int'],
  ['nodeCount', 'int'],
])

/** The whole tree, sessions included, at `tree.zxid`. Children lists are not written: the nodes' order restores them. */
export function snapshotTree(tree: ZnodeTree): Uint8Array {
  const writer = new JuteWriter(64 * 1024)
  writeTreeHead(writer, tree)
  for (const [path, node] of tree.nodes) writeTreeNode(writer, path, node)
  return writer.take()
}

/** What comes before the nodes, which must follow in the order of `tree.nodes`, as they are now. */
export function writeTreeHead(writer: JuteWriter, tree: ZnodeTree): void {
  writeRecord(writer, HEADER, {
    magic: MAGIC,
    format: FORMATS.lifetimes,
    zxid: tree.zxid,
    sessionCount: tree.sessions.size,
    nodeCount: tree.nodes.size,
  })
  for (const session of tree.sessions.values()) {
    const newestConnections = [...session.newestConnection].map(([member, connection]) => ({
      member,
      connection,
    }))
    writeRecord(writer, SESSION, { ...session, newestConnections })
  }
}

export function writeTreeNode(writer: JuteWriter, path: string, node: Znode): void {
  writeRecord(writer, NODE_WITH_LIFETIME, { path, ...node, lifetime: storedLifetime(node) })
}

/**
 * The tree that `snapshotTree` was given. Keeps no view of `bytes`.
 *
 * @throws {JuteError} not a snapshot of a format known here, cut short, or not a tree.
 */
export function restoreTree(bytes: Uint8Array): ZnodeTree {
  const reader = new JuteReader(bytes)
  const header = readRecord(reader, HEADER)
  if (header.magic !== MAGIC) throw new JuteError('not a snapshot of a znode tree')
  const { format } = header
  if (format !== FORMATS.first && format !== FORMATS.lifetimes)
    throw new JuteError(`unknown snapshot format: ${format}`)
  const tree = bareTree(header.zxid)
  for (let left = header.sessionCount; left > 0; left -= 1) {
    const { newestConnections, ...session } = readRecord(reader, SESSION)
    const newestConnection = new Map(newestConnections.map((c) => [c.member, c.connection]))
    tree.sessions.set(session.id, { ...session, newestConnection, ephemerals: new Set() })
  }
  for (let left = header.nodeCount; left > 0; left -= 1) {
    const stored =
      format === FORMATS.first
        ? { ...readRecord(reader, NODE), lifetime: 0 }
        : readRecord(reader, NODE_WITH_LIFETIME)
    restoreNode(tree, stored)
  }
  if (reader.remaining > 0) throw new JuteError(`${reader.remaining} bytes after the snapshot`)
  for (const path of FIXED_PATHS) {
    if (!tree.nodes.has(path)) throw new JuteError(`snapshot without ${path}`)
  }
  return tree
}

const CONTAINER = -1

function storedLifetime({ lifetime, ttlMs }: { lifetime: Lifetime; ttlMs: number }): number {
  return lifetime === 'container' ? CONTAINER : ttlMs
}

function restoredLifetime(stored: number): { lifetime: Lifetime; ttlMs: number } {
  if (stored === 0) return { lifetime: 'endless', ttlMs: 0 }
  return stored === CONTAINER ? { lifetime: 'container', ttlMs: 0 } : { lifetime: 'ttl', ttlMs: stored }
}

/** The fixed nodes begin with empty data. Snapshots of former versions have none there. */
const emptyOf = ({ path, dataVersion }: { path: string; dataVersion: number }): Uint8Array | null =>
  dataVersion === 0 && FIXED_PATHS.includes(path) ? new Uint8Array(0) : null

function restoreNode(tree: ZnodeTree, stored: RecordOf<typeof NODE_WITH_LIFETIME>): void {
  const { path, data, acl, lifetime, ...fields } = stored
  if (!isValidPath(path) || acl.length === 0) throw new JuteError(`bad node in snapshot: ${path}`)
  if (tree.nodes.has(path)) throw new JuteError(`node twice in snapshot: ${path}`)
  const node = newZnode({
    ...fields,
    ...restoredLifetime(lifetime),
    data: data?.slice() ?? emptyOf(stored),
    acl: storedAcl(acl),
  })
  if (path === ROOT) {
    tree.nodes.set(path, node)
    return
  }
  if (!tree.nodes.has(parentOf(path))) throw new JuteError(`node before its parent in snapshot: ${path}`)
  if (node.ephemeralOwner !== 0n && !tree.sessions.has(node.ephemeralOwner)) {
    throw new JuteError(`ephemeral without its session in snapshot: ${path}`)
  }
  attach(tree, path, node)
}
