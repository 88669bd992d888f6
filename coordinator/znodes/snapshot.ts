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
import { normalizeAcl } from './acl.ts'
import { FIXED_PATHS, isValidPath, parentOf, ROOT } from './paths.ts'
import { attach, newZnode, type ZnodeTree } from './tree.ts'

const MAGIC = 0x43544e5a // CTNZ
const FORMAT = 1

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
  writeRecord(writer, HEADER, {
    magic: MAGIC,
    format: FORMAT,
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
  for (const [path, node] of tree.nodes) writeRecord(writer, NODE, { path, ...node })
  return writer.take()
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
  if (header.format !== FORMAT) throw new JuteError(`unknown snapshot format: ${header.format}`)
  const tree: ZnodeTree = { zxid: header.zxid, nodes: new Map(), sessions: new Map() }
  for (let left = header.sessionCount; left > 0; left -= 1) {
    const { newestConnections, ...session } = readRecord(reader, SESSION)
    const newestConnection = new Map(newestConnections.map((c) => [c.member, c.connection]))
    tree.sessions.set(session.id, { ...session, newestConnection, ephemerals: new Set() })
  }
  for (let left = header.nodeCount; left > 0; left -= 1) restoreNode(tree, readRecord(reader, NODE))
  if (reader.remaining > 0) throw new JuteError(`${reader.remaining} bytes after the snapshot`)
  for (const path of FIXED_PATHS) {
    if (!tree.nodes.has(path)) throw new JuteError(`snapshot without ${path}`)
  }
  return tree
}

function restoreNode(tree: ZnodeTree, stored: RecordOf<typeof NODE>): void {
  const { path, data, acl: storedAcl, ...fields } = stored
  const acl = normalizeAcl(storedAcl)
  if (!isValidPath(path) || acl === null) throw new JuteError(`bad node in snapshot: ${path}`)
  if (tree.nodes.has(path)) throw new JuteError(`node twice in snapshot: ${path}`)
  const node = newZnode({ ...fields, data: data?.slice() ?? null, acl })
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
