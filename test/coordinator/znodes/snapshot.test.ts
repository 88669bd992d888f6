import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apply } from '../../../coordinator/znodes/apply.ts'
import {
  type Command,
  type CommandOp,
  decodeCommand,
  encodeCommand,
  stampTime,
} from '../../../coordinator/znodes/command.ts'
import { restoreTree, snapshotTree } from '../../../coordinator/znodes/snapshot.ts'
import { newTree, type ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import { JuteError } from '../../../protocol/zookeeper/jute.ts'
import { check, create, create2, multi, openTree, remove, setData } from './tree-driver.ts'

// Few names, so that ops meet the same nodes; some paths are no good.
const path = fc.constantFrom('/a', '/b', '/a/x', '/a/y', '/b/x', '/a/x/z', '/zookeeper', '/', '/a//b', 'a')
const version = fc.constantFrom(-1, -1, 0, 1)
const flags = fc.constantFrom(0, 0, 1, 2, 3, 9)
const data = fc.option(fc.uint8Array({ maxLength: 3 }), { nil: null })
const simpleOp = fc.oneof(
  fc.record({ path, flags, data }).map((r) => ({ ...create(r.path, r.flags), data: r.data })),
  fc.record({ path, flags }).map((r) => create2(r.path, r.flags)),
  fc.record({ path, version }).map((r) => remove(r.path, r.version)),
  fc.record({ path, version, data }).map((r) => ({ ...setData(r.path, '', r.version), data: r.data })),
  fc.record({ path, version }).map((r) => check(r.path, r.version)),
)
const sessionOp: fc.Arbitrary<CommandOp> = fc.constantFrom<CommandOp>(
  { type: 'closeSession' },
  { type: 'create-session', timeoutMs: 4_000 },
  { type: 'resume-session', timeoutMs: 5_000 },
  { type: 'expire-session' },
  { type: 'noop' },
)
const step = fc.record({
  op: fc.oneof(
    { weight: 6, arbitrary: simpleOp },
    { weight: 2, arbitrary: fc.array(simpleOp, { maxLength: 5 }).map((ops) => multi(...ops)) },
    { weight: 2, arbitrary: sessionOp },
  ),
  /** Which session, of those there are. */
  session: fc.nat(5),
  /** 0: the rightful owner; else another one. */
  stranger: fc.constantFrom(0, 0, 0, 0, 0, 1, 2),
  /** 0: the next order number; else off by so much. */
  slip: fc.constantFrom(0, 0, 0, 0, 0, 0, -1, 1),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Makes a command out of a step, for the tree as it is. */
function commandOf(tree: ZnodeTree, { op, session: pick, stranger, slip }: Step): Command {
  const timeWallMs = 1_000 + tree.zxid
  const sessions = [...tree.sessions.values()]
  const session = sessions[pick % Math.max(1, sessions.length)]
  if (session === undefined || op.type === 'create-session') {
    const owner = { member: 1 + (pick % 3), connection: tree.zxid + 1 }
    return {
      timeWallMs,
      session: 0n,
      owner,
      order: 0,
      identities: null,
      op: { type: 'create-session', timeoutMs: 4_000 },
    }
  }
  if (op.type === 'expire-session' || op.type === 'noop') {
    return { timeWallMs, session: session.id, owner: null, order: 0, identities: null, op }
  }
  const owner = stranger === 0 ? session.owner : { member: stranger, connection: tree.zxid + 1 }
  return { timeWallMs, session: session.id, owner, order: session.order + 1 + slip, identities: null, op }
}

describe('one log, one tree', () => {
  test('a member that restored a snapshot anywhere on the way gives the same results and ends equal', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.nat(59), (steps, cut) => {
        const direct = newTree()
        let other = newTree()
        for (const [i, next] of steps.entries()) {
          if (i === cut) other = restoreTree(snapshotTree(other))
          // One member applies what it proposed, the other what it read from the log.
          const command = commandOf(direct, next)
          const decoded = decodeCommand(encodeCommand(command))
          expect(decoded).toEqual(command)
          expect(apply(other, i + 1, decoded)).toEqual(apply(direct, i + 1, command))
        }
        expect(snapshotTree(other)).toEqual(snapshotTree(direct))
        expect(restoreTree(snapshotTree(direct))).toEqual(direct)
        expectSound(direct)
      }),
      { numRuns: 300 },
    )
  })
})

/** What must hold of every tree. */
function expectSound(tree: ZnodeTree): void {
  for (const [nodePath, node] of tree.nodes) {
    for (const child of node.children) {
      expect(tree.nodes.has(nodePath === '/' ? `/${child}` : `${nodePath}/${child}`)).toBe(true)
    }
    if (node.ephemeralOwner !== 0n) {
      expect(tree.sessions.get(node.ephemeralOwner)?.ephemerals.has(nodePath)).toBe(true)
      expect(node.children.size).toBe(0)
    }
  }
  const children = [...tree.nodes.values()].reduce((sum, node) => sum + node.children.size, 0)
  expect(children).toBe(tree.nodes.size - 1)
}

describe('commands as bytes', () => {
  const owner = { member: 3, connection: 1_700_000_000_000_001 }
  const command: Command = {
    timeWallMs: 0,
    session: -5n,
    owner,
    order: 7,
    identities: null,
    op: setData('/a'),
  }

  test('the leader stamps its time without decoding', () => {
    const bytes = encodeCommand(command)
    stampTime(bytes, 1_700_000_000_123)
    expect(decodeCommand(bytes)).toEqual({ ...command, timeWallMs: 1_700_000_000_123 })
  })

  test('other formats, other operations and odd lengths are refused', () => {
    const bytes = encodeCommand(command)
    expect(() => decodeCommand(bytes.subarray(0, -1))).toThrow(JuteError)
    expect(() => decodeCommand(new Uint8Array([...bytes, 0]))).toThrow(JuteError)
    const changed = bytes.slice()
    changed[3] = 3
    expect(() => decodeCommand(changed)).toThrow('unknown command format: 3')
    const unknown = bytes.slice()
    unknown[43] = 99
    expect(() => decodeCommand(unknown)).toThrow('unknown command: 99')
  })
})

describe('snapshots are checked', () => {
  const { driver, write } = openTree()
  write(create('/a'))
  write(create('/a/e', 1))
  const bytes = snapshotTree(driver.tree)

  test('cut short anywhere, or with something behind', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => restoreTree(bytes.subarray(0, length))).toThrow(JuteError)
    }
    expect(() => restoreTree(new Uint8Array([...bytes, 0]))).toThrow(JuteError)
  })

  test('foreign bytes and other formats', () => {
    expect(() => restoreTree(new Uint8Array(100))).toThrow('not a snapshot')
    const changed = bytes.slice()
    changed[7] = 9
    expect(() => restoreTree(changed)).toThrow('unknown snapshot format: 9')
  })

  test('an ephemeral without its session, a node without its parent', () => {
    const withoutSession = restoreTree(bytes)
    withoutSession.sessions.clear()
    expect(() => restoreTree(snapshotTree(withoutSession))).toThrow('ephemeral without its session')
    const withoutParent = restoreTree(bytes)
    withoutParent.nodes.delete('/a')
    expect(() => restoreTree(snapshotTree(withoutParent))).toThrow('node before its parent')
    const withoutFixed = restoreTree(bytes)
    withoutFixed.nodes.delete('/zookeeper/quota')
    expect(() => restoreTree(snapshotTree(withoutFixed))).toThrow('snapshot without /zookeeper/quota')
  })

  test('flipped bytes throw JuteError or nothing', () => {
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ 0xff
      try {
        restoreTree(changed)
      } catch (error) {
        expect(error).toBeInstanceOf(JuteError)
      }
    }
  })
})
