import { describe, expect, test } from 'vitest'
import type { ReplicaStatus } from '../../chain/configuration.ts'
import { chainLine, chainsOf, replicaTable, statusJson } from '../../cli/cluster-status.ts'
import type { ClusterTree } from '../../cli/cluster-tree.ts'
import { notYetMember } from '../../cli/commands/chain/add.ts'
import { stillIn } from '../../cli/commands/chain/drain.ts'
import { candidatesText, foresee } from '../../cli/commands/chain/reset.ts'
import { ChildrenStory, DataStory } from '../../cli/commands/znode/watch.ts'
import type { ServerStatus } from '../../client/index.ts'
import type { Member } from '../../protocol/chain-config.ts'
import type { ServerRegistration } from '../../protocol/cluster.ts'
import { asChainId, asEpoch, asIncarnation, asServerId } from '../../protocol/ids.ts'
import type { Stat } from '../../protocol/zookeeper/records.ts'

const member = (server: string, more: Partial<Member> = {}): Member => ({
  server: asServerId(server),
  incarnation: asIncarnation(1),
  serving: true,
  leaving: false,
  ...more,
})

describe('status', () => {
  const replica = (more: Partial<ReplicaStatus>): Partial<ReplicaStatus> => ({
    chain: asChainId('c0'),
    role: 'middle',
    epoch: asEpoch(4),
    members: [member('n2'), member('n1', { serving: false }), member('n3', { leaving: true })],
    joining: { server: asServerId('n4'), incarnation: asIncarnation(1) },
    serving: true,
    leaving: false,
    last: 10 as ReplicaStatus['last'],
    commit: 10 as ReplicaStatus['commit'],
    dirty: 0,
    keys: 7,
    leaseMs: 1500,
    receivingSnapshot: false,
    suspects: null,
    ...more,
  })
  const answer = (server: string, ...replicas: Partial<ReplicaStatus>[]): ServerStatus => ({
    server,
    status: { server, storage: 'ok', replicas },
    error: null,
  })
  const servers: ServerStatus[] = [
    answer(
      'n1',
      replica({ role: 'member, not serving yet', serving: false, last: 6 as ReplicaStatus['last'] }),
    ),
    answer('n2', replica({ role: 'head', suspects: asServerId('n3') })),
    { server: 'n3', status: null, error: new Error('no reply') },
    answer('n4', replica({ role: 'joining', epoch: asEpoch(3), receivingSnapshot: true })),
    answer('n5'),
  ]

  test('one line for each chain, by its newest epoch', () => {
    expect(chainsOf(servers).map(chainLine)).toEqual([
      'c0, epoch 4: n2 -> n1 (not serving) -> n3 (leaving)  <- n4 joining',
    ])
  })

  test('a row for every replica in chain order, and for every server that has none', () => {
    const rows = replicaTable(chainsOf(servers), servers)
      .split('\n')
      .filter((line) => line.startsWith('│'))
      .slice(1)
      .map((line) => line.split('│').map((cell) => cell.trim()))
      .map((cells) => [cells[2], cells[7], cells[10]])
    expect(rows).toEqual([
      ['n2', '0', 'suspects n3'],
      ['n1', '4', 'not serving'],
      ['n4', '0', 'joining, has not heard of the newest epoch, receives a snapshot'],
      ['n3', '', 'does not answer'],
      ['n5', '', 'in no chain'],
    ])
  })

  test('as JSON', () => {
    const json = JSON.parse(JSON.stringify(statusJson(chainsOf(servers), servers)))
    expect(json.chains[0]).toMatchObject({ chain: 'c0', epoch: 4, joining: { server: 'n4' } })
    expect(
      json.chains[0].replicas.map((row: { server: string; lag: number }) => [row.server, row.lag]),
    ).toEqual([
      ['n2', 0],
      ['n1', 4],
      ['n4', 0],
    ])
    expect(json.servers[2]).toMatchObject({ server: 'n3', answers: false, error: 'no reply' })
  })

  test('c10 follows c2', () => {
    const chains = ['c10', 'c2'].map((chain) => replica({ chain: asChainId(chain) }))
    expect(chainsOf([answer('n1', ...chains)]).map(({ chain }) => chain)).toEqual(['c2', 'c10'])
  })
})

const registration = (
  server: string,
  holds: ServerRegistration['holds'] = {},
  incarnation = 1,
): ServerRegistration => ({
  server: asServerId(server),
  incarnation: asIncarnation(incarnation),
  host: '127.0.0.1',
  port: 7001,
  httpPort: 8001,
  zone: '',
  dataId: server,
  holds,
  draining: false,
})

function tree(members: readonly Member[], servers: readonly ServerRegistration[]): ClusterTree {
  const slots = [[0, 16_383]] as const
  return {
    options: {
      clusterId: 'x',
      chainCount: 1,
      replicationFactor: 2,
      durability: 'sync',
      replication: 'craq',
      sessionTimeoutMs: 2000,
    },
    chains: [
      {
        chain: 'c0',
        dataVersion: 3,
        config: { chain: asChainId('c0'), epoch: asEpoch(5), members, joining: null, slots: [...slots] },
      },
    ],
    servers: new Map(servers.map((server) => [server.server, server])),
    drains: [],
  }
}

describe('what drain and add wait for', () => {
  test('drain: until the server is in no chain; nobody else serving is said', () => {
    const both = tree([member('n1'), member('n2')], [registration('n1'), registration('n2')])
    expect(stillIn(both, 'n1')).toBe('n1 is in c0: n1 -> n2')
    expect(stillIn(both, 'n3')).toBeNull()
    expect(stillIn(tree([member('n1')], [registration('n1')]), 'n1')).toMatch(/start another server/)
  })

  test('add: until it serves, or until no chain needs it', () => {
    const servers = ['n1', 'n2', 'n3'].map((server) => registration(server))
    expect(notYetMember(tree([member('n1'), member('n2')], servers), 'n3')).toBeNull()
    expect(notYetMember(tree([member('n1'), member('n2')], servers), 'n2')).toBeNull()
    expect(notYetMember(tree([member('n1')], servers), 'n2')).toMatch(/members are missing in c0/)
    expect(notYetMember(tree([member('n1'), member('n2', { serving: false })], servers), 'n2')).toMatch(
      /not serving/,
    )
    expect(notYetMember(tree([member('n1')], []), 'n2')).toMatch(/not registered/)
  })
})

describe('reset', () => {
  const chain = asChainId('c0')
  const holding = (server: string, epoch: number, last: number, incarnation = 1) =>
    registration(server, { [chain]: { epoch: asEpoch(epoch), last, commit: last - 1 } }, incarnation)
  const lost = tree([member('n1')], [registration('n4'), holding('n2', 4, 90), holding('n3', 5, 80)])

  test('shows who holds what, the newest first, and who cannot be asked', () => {
    const [znode] = lost.chains
    if (znode === undefined) throw new Error('no chain')
    const text = candidatesText(lost, znode)
    const places = ['n3', 'n2', 'n4', 'n1'].map((server) => text.indexOf(`│ ${server} `))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(text).toMatch(/n4 .*holds nothing of it/)
    expect(text).toMatch(/n1 .*not registered: what it holds cannot be known/)
  })

  test('foresees what the manager will do', () => {
    const [znode] = lost.chains
    if (znode === undefined) throw new Error('no chain')
    const order = { server: asServerId('n3'), incarnation: asIncarnation(1) }
    expect(foresee(lost, znode, order)).toMatchObject({ config: { epoch: 6, members: [{ server: 'n3' }] } })
    const alive = tree([member('n1')], [holding('n1', 5, 100), holding('n3', 5, 80)])
    expect(foresee(alive, znode, order)).toMatchObject({ refused: expect.stringContaining('n1 is alive') })
  })
})

describe('znode watch', () => {
  const znode = (czxid: number, mzxid: number) => ({
    data: new Uint8Array(),
    stat: { czxid, mzxid, version: mzxid } as Stat,
  })

  test('tells what has happened to the data', () => {
    const story = new DataStory()
    const types = [null, null, znode(1, 1), znode(1, 1), znode(1, 2), znode(5, 5), null].map((next) =>
      story.next(next).map(({ type }) => type),
    )
    expect(types).toEqual([
      ['absent'],
      [],
      ['created'],
      [],
      ['data-changed'],
      ['deleted', 'created'],
      ['deleted'],
    ])
  })

  test('and to the children', () => {
    const story = new ChildrenStory()
    expect(story.next(['a', 'b'])).toEqual([{ type: 'children', children: ['a', 'b'] }])
    expect(story.next(['b', 'c'])).toEqual([
      { type: 'child-deleted', child: 'a' },
      { type: 'child-created', child: 'c' },
    ])
    expect(story.next(null)).toEqual([
      { type: 'child-deleted', child: 'b' },
      { type: 'child-deleted', child: 'c' },
    ])
  })
})
