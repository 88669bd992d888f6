import type { Deed, FaultAction, FaultPlan, Target } from '../../lab/simulator/faults/plan.ts'
import type { SimulationOptions } from '../../lab/simulator/simulate.ts'

/**
 * The story in which a leader's lease is worth least:
 *
 *   1. Clients write, and are still. The tail hears the leader no more; the third member does, and so the leader's lease goes on.
 *   2. The leader loses all other servers, and keeps its clients. At the same moment the third member restarts: it has forgotten whom it heard.
 *   3. The tail, whose patience is over, asks it for its vote; elected, it commits what some clients write.
 *   4. The others read at the old leader, whose lease has a while to live.
 */
export function staleLeaderRun(seed: number): SimulationOptions & { readonly plan: FaultPlan } {
  const place = (role: 'head' | 'middle' | 'tail'): Target => ({ role, chain: 'c0' })
  const strikeMs = 2500 + ((seed * 173) % 400)
  const actions: FaultAction[] = []
  const at = (atMs: number, kind: FaultAction['kind'], deed: Deed) => actions.push({ atMs, kind, deed })
  const [from, to] = [place('head'), place('tail')]
  at(1000, 'slow-link', { type: 'slow-link', from, to, factor: 1e6, forMs: strikeMs + 1500 })
  at(strikeMs, 'crash', { type: 'crash', targets: [place('middle')], downMs: [5] })
  const alone = { type: 'alone', target: place('head'), clientsToo: false } as const
  at(strikeMs, 'partition', { type: 'partition', shape: alone, forMs: 2500 })
  // Who begins anew asks for a map, and perhaps hears of the new leader.
  for (let client = 0; client < CLIENTS / 2; client++)
    at(strikeMs + 700, 'client-crash', { type: 'client-crash', client, downMs: 5 })
  for (const burstMs of [100, ...[300, 500, 650, 800, 1000, 1100, 1200, 1300].map((ms) => strikeMs + ms)])
    for (let client = 0; client < CLIENTS; client++)
      at(burstMs + 7 * client, 'client-burst', { type: 'client-burst', client, requests: 3 })
  const named = (name: string): Target => ({ role: 'process', name })
  for (const [a, b] of ['n1 n2', 'n1 n3', 'n2 n3'].map((pair) => pair.split(' ')))
    at(strikeMs + 2700, 'link-break', { type: 'link-break', a: named(a ?? ''), b: named(b ?? '') })
  actions.sort((a, b) => a.atMs - b.atMs)
  const kinds = ['slow-link', 'crash', 'partition', 'client-crash', 'client-burst', 'link-break'] as const
  const durationMs = strikeMs + 3000
  return {
    seed,
    chains: 1,
    plan: { seed, durationMs, clients: CLIENTS, kinds, environment: ENVIRONMENT, actions },
    shape: {
      servers: 3,
      serversMax: 3,
      replicationFactor: 3,
      coordinators: 3,
      thinkMs: [20_000, 30_000],
      znodeClients: 0,
      pace: 1,
      echoShare: 1,
      turnUs: 0,
      codec: false,
    },
  }
}

const CLIENTS = 6
const ENVIRONMENT: FaultPlan['environment'] = {
  latencyUs: [500, 1_500],
  slowMessageShare: 0,
  breakAfterUs: [300_000, 600_000],
  fsyncUs: [100, 300],
  slowSyncShare: 0,
  clockRates: {},
}
