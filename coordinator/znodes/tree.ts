import { invariant } from '../../protocol/invariants.ts'
import type { Acl, Stat } from '../../protocol/zookeeper/records.ts'
import { OPEN_ACL, READ_ONLY_ACL } from './acl.ts'
import { FIXED_PATHS, governedPathOf, nameOf, parentOf, ROOT } from './paths.ts'

/** How a znode ends, if nobody deletes it and it is not an ephemeral: never, when its last child has gone, or when it is not written for long. */
export type Lifetime = 'endless' | 'container' | 'ttl'

/** One znode. Versions are ZooKeeper's counters, signed 32-bit. */
export interface Znode {
  data: Uint8Array | null
  acl: readonly Acl[]
  czxid: number
  mzxid: number
  /** zxid of the last create or delete of a child. */
  pzxid: number
  ctimeWallMs: number
  mtimeWallMs: number
  dataVersion: number
  aclVersion: number
  /** Session that the node ends with; 0n for all others. */
  ephemeralOwner: bigint
  /** Children ever created: names sequential children and, with `children`, gives cversion. Signed 32-bit. */
  createCount: number
  readonly lifetime: Lifetime
  /** Of a TTL znode; else 0. */
  readonly ttlMs: number
  readonly children: Set<string>
}

/** Which connection a session's requests come from: a coordinator's number and its connection. */
export interface Owner {
  readonly member: number
  /** Grows for ever on that member, also across its restarts. */
  readonly connection: number
}

/** A session, as replicated. */
export interface Session {
  readonly id: bigint
  timeoutMs: number
  owner: Owner
  /** Order number of the last request applied from `owner`; a new owner begins at 0. */
  order: number
  /** Newest connection of each member that ever owned the session: an older one never gets it back. */
  readonly newestConnection: Map<number, number>
  readonly ephemerals: Set<string>
}

/**
 * The replicated state: the same entries, applied in order, give the same tree on every member, including the order
 * in which children are listed and ephemerals deleted.
 */
export interface ZnodeTree {
  /** Raft log index of the last entry applied. */
  zxid: number
  /** By path, in order of creation. */
  readonly nodes: Map<string, Znode>
  readonly sessions: Map<bigint, Session>
  /** Paths of containers and TTL znodes. */
  readonly mortal: Set<string>
  /** Paths that have a quota. */
  readonly governed: Set<string>
  /** The members that a `reconfig` wants, as long as that is under way. */
  reconfig: string | null
}

export const bareTree = (zxid: number): ZnodeTree => ({
  zxid,
  nodes: new Map(),
  sessions: new Map(),
  mortal: new Set(),
  governed: new Set(),
  reconfig: null,
})

/** An empty tree: the four fixed nodes, with zxids, times and versions 0. */
export function newTree(): ZnodeTree {
  const tree = bareTree(0)
  for (const path of FIXED_PATHS) {
    const acl = path === '/zookeeper/config' ? READ_ONLY_ACL : OPEN_ACL
    const node = newZnode({ acl, data: new Uint8Array(0) })
    tree.nodes.set(path, node)
    // Not counted in createCount, as in ZooKeeper: a fresh root shows cversion -1.
    if (path !== ROOT) tree.nodes.get(parentOf(path))?.children.add(nameOf(path))
  }
  return tree
}

export function newZnode(fields: Partial<Omit<Znode, 'children'>>): Znode {
  return {
    data: null,
    acl: OPEN_ACL,
    czxid: 0,
    mzxid: 0,
    pzxid: 0,
    ctimeWallMs: 0,
    mtimeWallMs: 0,
    dataVersion: 0,
    aclVersion: 0,
    ephemeralOwner: 0n,
    createCount: 0,
    lifetime: 'endless',
    ttlMs: 0,
    ...fields,
    children: new Set(),
  }
}

/** The node at a path; the empty string is an alias of the root. */
export const nodeAt = (tree: ZnodeTree, path: string): Znode | undefined =>
  tree.nodes.get(path === '' ? ROOT : path)

/** The Stat that clients see. */
export function statOf(node: Znode): Stat {
  return {
    czxid: node.czxid,
    mzxid: node.mzxid,
    ctime: node.ctimeWallMs,
    mtime: node.mtimeWallMs,
    version: node.dataVersion,
    cversion: (2 * node.createCount - node.children.size) | 0, // creates plus deletes of children
    aversion: node.aclVersion,
    ephemeralOwner: node.ephemeralOwner,
    dataLength: node.data?.length ?? 0,
    numChildren: node.children.size,
    pzxid: node.pzxid,
  }
}

/** Puts a node under its parent and, if ephemeral, under its session. Counters are the caller's. */
export function attach(tree: ZnodeTree, path: string, node: Znode): void {
  tree.nodes.set(path, node)
  tree.nodes.get(parentOf(path))?.children.add(nameOf(path))
  if (node.lifetime !== 'endless') tree.mortal.add(path)
  const governed = governedPathOf(path)
  if (governed !== null) tree.governed.add(governed)
  if (node.ephemeralOwner === 0n) return
  const session = tree.sessions.get(node.ephemeralOwner)
  invariant('EphemeralOwner', session !== undefined, () => `${path} is of no session`)
  session.ephemerals.add(path)
}

export function detach(tree: ZnodeTree, path: string, node: Znode): void {
  tree.nodes.delete(path)
  tree.nodes.get(parentOf(path))?.children.delete(nameOf(path))
  tree.mortal.delete(path)
  const governed = governedPathOf(path)
  if (governed !== null) tree.governed.delete(governed)
  if (node.ephemeralOwner !== 0n) tree.sessions.get(node.ephemeralOwner)?.ephemerals.delete(path)
}
