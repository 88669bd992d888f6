import { expect, test } from 'vitest'
import { readStatus } from '../../lab/page/serve/read-status.ts'
import type { LiveSnapshot } from '../../lab/page/serve/snapshot.ts'
import { flowsOf, growth } from '../../lab/page/ui/live/flow.ts'
import { liveBoard, whyIsSilent } from '../../lab/page/ui/live/live-board.ts'
import { shortNumber } from '../../lab/page/ui/live/short-number.ts'
import { coordinatorStatus, serverStatus } from './fake-cluster.ts'

const MOMENT = { atMs: 10_000, leaseLengthMs: 2000 }

/** n1 -> n2 -> n3, of which n3 is not asked. `grown`: by how many entries since the first look. */
function snapshot(atMs: number, grown: number, incarnation = 1): LiveSnapshot {
  const servers = ['n1', 'n2'].map((name) => {
    const status = serverStatus(name)
    const replicas = status.replicas.map((replica) => ({
      ...replica,
      last: 9 + grown,
      commit: 8 + grown,
      counters: { versionQueries: 2 * grown },
      successor: name === 'n1' ? { server: 'n2', lag: 3, hopMs: 1.5 } : null,
    }))
    return readStatus({ ...status, incarnation, replicas }, `${name}:1`)
  })
  const coordinator = readStatus(
    {
      ...coordinatorStatus('coordinator-1'),
      votedFor: 'coordinator-1',
      recentTerms: [{ index: 7, term: 2 }],
    },
    'c:1',
  )
  return {
    atMs,
    servers: servers.flatMap((each) => (each?.type === 'server' ? [{ ...each.server, rates: null }] : [])),
    coordinators: coordinator?.type === 'coordinator' ? [coordinator.coordinator] : [],
    strangers: [],
    chains: servers.flatMap((each) => (each?.type === 'server' ? each.chains : [])).slice(0, 1),
    rates: null,
  }
}

test('a snapshot as the board draws a run', () => {
  const seen = snapshot(1, 0)
  const { servers, coordinators, configs } = liveBoard(seen, null, MOMENT)
  expect(configs[0]?.members.map(({ server }) => server)).toEqual(['n1', 'n2', 'n3'])
  expect(servers.map(({ name, state }) => `${name} ${state}`)).toEqual(['n1 up', 'n2 up', 'n3 silent'])
  expect(servers[0]).toMatchObject({
    lease: { untilMs: 11_500, lengthMs: 2000 },
    replicas: [{ role: 'head', epoch: 3, last: 9, commit: 8 }],
  })
  const log = servers[0]?.replicas[0]?.log ?? []
  expect(log.map(({ seq, state }) => `${seq} ${state}`)).toEqual([
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((seq) => `${seq} clean`),
    '9 dirty',
  ])
  expect(coordinators[0]).toMatchObject({
    manages: true,
    raft: { role: 'leader', log: [{ index: 7, term: 2 }] },
  })
  expect([whyIsSilent(seen, 'n1'), whyIsSilent(seen, 'n3')]).toEqual([null, expect.stringContaining('asked')])
})

test('servers that are only in other chains are left out', () => {
  const seen = snapshot(1, 0)
  const other = {
    chain: 'c1',
    epoch: 1,
    members: [{ server: 'n2', serving: true, leaving: false }],
    joining: null,
  }
  const { servers } = liveBoard({ ...seen, chains: [...seen.chains, other] }, 'c1', MOMENT)
  expect(servers.map(({ name }) => name)).toEqual(['n2'])
})

test('a process that is silent has no role', () => {
  const seen = snapshot(1, 0)
  const silent = {
    ...seen,
    servers: seen.servers.map((each) => ({
      ...each,
      answers: false,
      error: 'refused',
      leaseMs: 0,
      replicas: [],
    })),
    coordinators: seen.coordinators.map((each) => ({ ...each, answers: false, role: 'silent' })),
  }
  const { servers, coordinators } = liveBoard(silent, null, MOMENT)
  expect(servers[0]).toMatchObject({ state: 'silent', lease: null, replicas: [] })
  expect(coordinators[0]).toMatchObject({ state: 'silent', raft: null, manages: false })
  expect(whyIsSilent(silent, 'n1')).toBe('refused')
})

test('what travels on links, of two looks', () => {
  const [before, now] = [snapshot(1000, 0), snapshot(3000, 50)]
  const [chain] = now.chains
  if (chain === undefined) throw new Error('no chain')
  expect(flowsOf(before, now, chain)).toEqual([
    { from: 'n1', to: 'n2', entriesPerSecond: 25, acksPerSecond: 25, hopMs: 1.5, lag: 3 },
    { from: 'n2', to: 'n3', entriesPerSecond: null, acksPerSecond: 25, hopMs: null, lag: null },
  ])
  expect(flowsOf(null, now, chain)[0]?.entriesPerSecond).toBeNull()
  const queries = (later: LiveSnapshot) =>
    growth(before, later, { server: 'n1', chain }, ({ versionQueries }) => versionQueries)
  expect([queries(now), queries(snapshot(3000, 50, 2))], 'another life counts anew').toEqual([50, null])
})

test('numbers where there is little room', () => {
  expect([0, 0.44, 9.96, 999.4, 999.6, 1234, 34_000, 5.61e6].map(shortNumber)).toEqual([
    '0',
    '0.4',
    '10',
    '999',
    '1.0k',
    '1.2k',
    '34k',
    '5.6M',
  ])
})
