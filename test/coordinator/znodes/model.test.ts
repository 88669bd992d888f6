import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CommandOp } from '../../../coordinator/znodes/command.ts'
import { type Identities, identitiesIn, SUPER, withIdentity } from '../../../coordinator/znodes/identities.ts'
import { restoreTree, snapshotTree } from '../../../coordinator/znodes/snapshot.ts'
import type { ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import type { MultiOp } from '../../../protocol/zookeeper/multi.ts'
import { type Kind, type ModelOp, modelDigest, ZnodeModel } from '../../models/znode-model.ts'
import { LOCALHOST, openTree, utf8 } from './tree-driver.ts'

// Few names and small limits, so that operations meet.
const QUOTA = '/zookeeper/quota/app'
const path = fc.constantFrom(
  ...[
    '/app',
    '/app',
    '/app/a',
    '/app/a',
    '/app/b',
    '/app/a/x',
    '/free',
    '/free',
    '/free/a',
    '/free/a',
    '/app/..',
    'none',
    '/',
  ],
  ...[QUOTA, `${QUOTA}/zookeeper_limits`, `${QUOTA}/zookeeper_stats`, '/zookeeper/config/a'],
)
const version = fc.constantFrom(-1, -1, -1, 0, 1)
const data = fc.constantFrom('', 'x', 'four', 'eightxxx')
const kind = fc.constantFrom<Kind>('plain', 'plain', 'plain', 'ephemeral', 'ephemeral', 'container', {
  ttlMs: 5,
})
const digest = (text: string) => ({ scheme: 'digest', id: modelDigest(text) })
const WORLD = { scheme: 'world', id: 'anyone' }
const aclEntry = fc.record({
  perms: fc.constantFrom(31, 31, 1, 3, 12, 16),
  id: fc.constantFrom(
    WORLD,
    WORLD,
    digest('ann:1'),
    { scheme: 'ip', id: '127.0.0.1' },
    { scheme: 'auth', id: '' },
  ),
})
const OPEN = [{ perms: 31, id: WORLD }]
const acl = fc.oneof(
  { weight: 4, arbitrary: fc.constant(OPEN) },
  { weight: 1, arbitrary: fc.array(aclEntry, { maxLength: 3 }) },
)
const LIMITS = '/zookeeper/quota/app/zookeeper_limits'
const limits = fc.constantFrom(
  'count=1,bytes=1',
  'count=1,bytes=1=;countHardLimit=3',
  'count=1,bytes=1=;byteHardLimit=9;countHardLimit=4',
)
const clientOp: fc.Arbitrary<ModelOp> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({ path, data, acl, kind, sequential: fc.boolean(), text: limits })
      .map(({ text, ...op }) => ({
        type: 'create' as const,
        ...op,
        data: op.path === LIMITS ? text : op.data,
        sequential: op.sequential && op.kind !== 'container' && op.path.length < 9,
      })),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), path, version }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('setData' as const),
      path: path.filter((p) => !p.startsWith(QUOTA)),
      data,
      version,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('check' as const), path, version }) },
)
const setAcl: fc.Arbitrary<ModelOp> = fc.record({ type: fc.constant('setACL' as const), path, acl, version })
const reap: fc.Arbitrary<ModelOp> = fc.record({ type: fc.constant('reap' as const), path })

const WHO: readonly Identities[] = [
  LOCALHOST,
  withIdentity(LOCALHOST, digest('ann:1')),
  withIdentity(withIdentity(LOCALHOST, digest('ann:1')), digest('bob:2')),
  withIdentity(LOCALHOST, SUPER),
]
const step = fc.record({
  ops: fc.oneof(
    { weight: 6, arbitrary: clientOp.map((op) => [op]) },
    { weight: 1, arbitrary: setAcl.map((op) => [op]) },
    { weight: 1, arbitrary: reap.map((op) => [op]) },
    { weight: 2, arbitrary: fc.array(clientOp, { minLength: 2, maxLength: 4 }) },
  ),
  who: fc.constantFrom(...WHO),
})

/** In half of the runs there is a quota from the start. */
const plain = (at: string, text: string): ModelOp => ({
  type: 'create',
  path: at,
  data: text,
  acl: OPEN,
  kind: 'plain',
  sequential: false,
})
const beginning = fc.option(
  limits.map((text) => [
    plain('/app', ''),
    plain(QUOTA, ''),
    plain(LIMITS, text),
    plain(`${QUOTA}/zookeeper_stats`, ''),
  ]),
)

function multiOp(op: Exclude<ModelOp, { type: 'setACL' | 'reap' }>): MultiOp {
  if (op.type === 'setData') return { ...op, data: utf8(op.data) }
  if (op.type !== 'create') return op
  const fields = { path: op.path, data: utf8(op.data), acl: op.acl }
  const sequential = op.sequential ? 1 : 0
  if (op.kind === 'container') return { type: 'createContainer', ...fields, flags: 4 }
  if (typeof op.kind === 'object')
    return { type: 'createTTL', ...fields, flags: 5 + sequential, ttlMs: BigInt(op.kind.ttlMs) }
  return { type: 'create2', ...fields, flags: (op.kind === 'ephemeral' ? 1 : 0) + 2 * sequential }
}

function commandOp(ops: readonly ModelOp[]): CommandOp {
  const [only] = ops
  if (only?.type === 'setACL' || only?.type === 'reap') return only
  const list = ops.flatMap((op) => (op.type === 'setACL' || op.type === 'reap' ? [] : [multiOp(op)]))
  const [first] = list
  return list.length === 1 && first !== undefined ? first : { type: 'multi', ops: list }
}

const shown = (tree: ZnodeTree) =>
  [...tree.nodes].map(([at, node]) => ({
    path: at,
    data: new TextDecoder().decode(node.data ?? undefined),
    acl: node.acl,
    version: node.dataVersion,
    aversion: node.aclVersion,
    births: node.createCount,
    children: [...node.children].map((name) => `${at === '/' ? '' : at}/${name}`),
    isEphemeral: node.ephemeralOwner !== 0n,
  }))

const byPath = (nodes: readonly object[]) =>
  nodes
    .map((node) => ({ ...(node as { path: string; children: string[] }) }))
    .map((node) => ({ ...node, children: [...node.children].sort() }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))

test('the tree and the specification’s tables agree on every outcome and state', () => {
  const seen = new Set<number>()
  fc.assert(
    fc.property(beginning, fc.array(step, { maxLength: 40, size: 'max' }), (first, later) => {
      const { driver, owner, session } = openTree()
      const model = new ZnodeModel()
      const steps = [...(first ?? []).map((op) => ({ ops: [op], who: LOCALHOST })), ...later]
      for (const { ops, who } of steps) {
        const op = commandOp(ops)
        const { err, response } =
          op.type === 'reap'
            ? driver.entry({ session: 0n, owner: null, order: 0, identities: null, op })
            : driver.write(session, owner, op, who)
        const failed =
          response?.type === 'multi'
            ? response.results.find((r) => r.type === 'error' && r.err !== 0)
            : undefined
        const code = failed?.type === 'error' ? failed.err : err
        expect(code).toBe(model.do(ops, identitiesIn(who), driver.timeWallMs))
        seen.add(code)
      }
      expect(byPath(shown(driver.tree))).toEqual(byPath(model.shown()))
      expect(restoreTree(snapshotTree(driver.tree))).toEqual(driver.tree)
    }),
    { numRuns: 250 },
  )
  // Random steps are worth something only if they meet every rule.
  expect([...seen].sort((a, b) => b - a)).toEqual([0, -8, -101, -102, -103, -108, -110, -111, -114, -125])
})
