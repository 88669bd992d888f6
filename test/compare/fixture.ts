/** MADE-UP numbers in the shape of a results.json, for tests of the report alone. Nothing here was ever measured. */

import type { Experiment, Point, ReadLevel, Results, Run, SystemRecord } from '../../lab/compare/results.ts'
import { mix, WRITES_MEANWHILE } from '../../lab/compare/workloads.ts'
import type { LatencySummary, LoadResult, WorkloadSpec } from '../../lab/load/task.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { YCSB_LETTERS, ycsb } from '../../lab/workload/ycsb.ts'

interface Made {
  readonly id: string
  readonly title: string
  readonly kind: SystemRecord['kind']
  readonly variants: readonly (readonly [name: string, level: ReadLevel, reads: number])[]
  readonly writes: number
}

const MADE: readonly Made[] = [
  {
    id: 'catenary-craq',
    title: 'Catenary, CRAQ',
    kind: 'catenary',
    variants: [
      ['any replica', 'linearizable', 201_000],
      ['any replica, eventual', 'stale', 214_000],
    ],
    writes: 14_800,
  },
  {
    id: 'catenary-chain',
    title: 'Catenary, chain replication',
    kind: 'catenary',
    variants: [['tail', 'linearizable', 152_000]],
    writes: 15_100,
  },
  {
    id: 'catenary-raft',
    title: 'Catenary, Raft',
    kind: 'catenary',
    variants: [
      ['leader, ReadIndex', 'linearizable', 133_000],
      ['any replica, ReadIndex', 'linearizable', 118_000],
      ['any replica, stale', 'stale', 209_000],
    ],
    writes: 13_900,
  },
  {
    id: 'etcd',
    title: 'etcd',
    kind: 'peer',
    variants: [
      ['linearizable (ReadIndex)', 'linearizable', 24_300],
      ['serializable', 'stale', 41_200],
    ],
    writes: 9800,
  },
  {
    id: 'zookeeper',
    title: 'Apache ZooKeeper',
    kind: 'peer',
    variants: [
      ['sync, then read', 'linearizable', 21_700],
      ['local read', 'stale', 61_400],
    ],
    writes: 8700,
  },
  {
    id: 'jetstream',
    title: 'NATS JetStream KV',
    kind: 'peer',
    variants: [['leader', 'none', 31_000]],
    writes: 6100,
  },
  {
    id: 'redis',
    title: 'Redis, SET then WAIT 2',
    kind: 'peer',
    variants: [['master', 'none', 143_000]],
    writes: 12_900,
  },
  {
    id: 'bare-read',
    title: 'Bare Node.js, reads in Catenary’s codec',
    kind: 'yardstick',
    variants: [['read', 'none', 262_000]],
    writes: 0,
  },
  {
    id: 'bare-relay-sync',
    title: 'Bare Node.js, writes down a row in Catenary’s codec',
    kind: 'yardstick',
    variants: [['relay', 'none', 0]],
    writes: 32_600,
  },
]

const SPANS = 120

export function fixtureResults(): Results {
  const rng = new Rng(7)
  const points: Point[] = []
  const noise = () => 0.94 + rng.below(120) / 1000
  const add = (
    system: string,
    [variant, level]: readonly [string, ReadLevel, number],
    experiment: Experiment,
    {
      workload,
      perSecond,
      outstanding = 64,
      x = null,
      rounds = 3,
      events = [],
      timeline = null,
    }: {
      workload: WorkloadSpec
      perSecond: number
      outstanding?: number
      x?: number | null
      rounds?: number
      events?: Run['events']
      timeline?: LoadResult['timeline']
    },
  ) =>
    points.push({
      system,
      experiment,
      variant,
      level,
      workload,
      loop: { type: 'closed', outstanding },
      x,
      runs: Array.from({ length: rounds }, () => ({
        ...madeRun(perSecond * noise(), outstanding),
        load: {
          ...madeRun(perSecond * noise(), outstanding).load,
          timeline,
          ...(timeline === null ? {} : { seconds: SPANS / 10 }),
        },
        events,
      })),
    })
  const blend = (share: number, reads: number, writes: number) => 1 / (share / reads + (1 - share) / writes)
  for (const made of MADE) {
    const able = (share: number) =>
      (share === 0 || made.variants.some(([, , reads]) => reads > 0)) && (share === 1 || made.writes > 0)
    for (const percent of [100, 99, 95, 90, 50, 0])
      for (const variant of percent === 0 ? made.variants.slice(0, 1) : made.variants) {
        const share = percent / 100
        if (!able(share)) continue
        const perSecond = share === 0 ? made.writes : blend(share, variant[2], made.writes || 1)
        const workload = mix(percent, { valueBytes: 100 })
        if (percent !== 99 && percent !== 90)
          add(made.id, variant, 'headline', { workload, perSecond, rounds: 5 })
        if (percent === 100 || percent === 0)
          add(made.id, variant, 'headline', {
            workload,
            perSecond: perSecond / 11,
            outstanding: 1,
            rounds: 5,
          })
        if (made.kind !== 'yardstick') add(made.id, variant, 'read-ratio', { workload, perSecond })
      }
    const first = made.variants[0]
    if (made.kind === 'yardstick' || first === undefined) continue
    for (const letter of YCSB_LETTERS) {
      const workload = ycsb(letter, { recordCount: 10_000 })
      if (letter !== 'E' || made.id !== 'redis')
        add(made.id, first, 'ycsb', {
          workload,
          perSecond: blend(workload.shares.read ?? 0.2, first[2], made.writes),
        })
    }
    for (const size of [16, 100, 1000, 10_000, 100_000, 1_000_000])
      for (const percent of [100, 0])
        add(made.id, first, 'value-size', {
          workload: mix(percent, { valueBytes: size }),
          perSecond: (percent === 100 ? first[2] : made.writes) / (1 + size / 6000),
        })
    add(made.id, first, 'reads-under-writes', {
      workload: { ...mix(100, { valueBytes: 100 }), name: 'reads of keys under write' },
      perSecond: first[2] * 0.6,
    })
    add(made.id, first, 'reads-under-writes', {
      workload: { ...mix(100, { valueBytes: 100 }), name: 'reads of the same keys' },
      perSecond: first[2],
    })
    for (const percent of [95, 50])
      add(made.id, first, 'hot-key', {
        workload: { ...mix(percent, { valueBytes: 100 }), name: `${percent} % reads of one key` },
        perSecond: blend(percent / 100, first[2], made.writes),
      })
    for (const count of [1000, 10_000, 100_000])
      if (made.kind === 'catenary')
        for (const percent of [100, 0])
          add(made.id, first, 'key-count', {
            workload: mix(percent, { valueBytes: 100, recordCount: count }),
            perSecond: percent === 0 ? made.writes : first[2],
            x: count,
          })
    if (made.kind === 'catenary') {
      for (const n of [1, 3, 5, 7])
        for (const percent of [100, 0])
          add(made.id, first, 'chain-length', {
            workload: mix(percent, { valueBytes: 100 }),
            perSecond: percent === 100 ? first[2] : (made.writes * 1.8) / n ** 0.6,
            x: n,
          })
      for (const chains of [1, 2, 4, 8, 16, 32])
        for (const percent of [100, 50, 0])
          add(made.id, first, 'chains', {
            workload: mix(percent, { valueBytes: 100 }),
            perSecond: blend(percent / 100, first[2], made.writes) * (1 + Math.log2(chains) / 12),
            x: chains,
          })
    }
    if (made.id.startsWith('catenary') || made.id === 'etcd')
      for (const variant of made.variants)
        for (const n of [1, 3, 5, 7])
          add(made.id, variant, 'read-scaling', {
            workload: mix(100, { valueBytes: 100 }),
            perSecond:
              made.id === 'catenary-craq' || variant[1] === 'stale' ? 5200 * n * 0.93 : 4900 / (1 + n / 30),
            x: n,
          })
    if (made.id === 'catenary-craq' || made.id === 'etcd')
      for (const part of made.id === 'etcd' ? ['leader', 'follower'] : ['head', 'middle', 'tail'])
        for (const [share, name] of [
          [100, `kill the ${part}`],
          [0, `kill the ${part}${WRITES_MEANWHILE}`],
        ] as const)
          add(made.id, first, 'failure', {
            workload: { ...mix(share, { valueBytes: 100 }), name },
            perSecond: 9000,
            outstanding: 8,
            rounds: 1,
            events: [
              { atMs: 4010, what: `n1 (${part}) killed` },
              { atMs: 9020, what: 'n1 restarted' },
            ],
            timeline: Array.from({ length: SPANS }, (_, i) => ({
              done: i > 40 && i < 60 && part !== 'follower' && share === 0 ? 0 : 850 + rng.below(120),
              errors: 0,
            })),
          })
  }
  return {
    version: 1,
    began: '2000-01-01T00:00:00.000Z',
    ended: '2000-01-01T00:40:00.000Z',
    command: 'catenary compare (a fixture: these numbers are made up)',
    commit: 'fixture',
    machine: {
      cpu: 'An imaginary processor',
      cores: 2,
      memoryGiB: 8,
      kernel: 'Linux 0.0',
      node: 'v20.0.0',
      fileSystem: 'ext4',
      fdatasyncUs: 900,
    },
    rounds: 5,
    systems: MADE.map(({ id, title, kind }) => ({
      id,
      title,
      kind,
      version: '0.0-fixture',
      replicas: kind === 'yardstick' && id === 'bare-read' ? 1 : 3,
      durability: 'as if synced',
      group: 'durable',
      flags: ['--made-up=true', '--durability sync'],
      client: 'made up: 0.2 of a core at most',
    })),
    points,
    figures: [
      {
        id: 'craq-4',
        title: 'Reads as the chain grows',
        source: 'CRAQ, figure 4',
        xLabel: 'replicas',
        yLabel: 'reads/s',
        how: 'simulated',
        conditions: 'made up',
        series: [
          {
            name: 'CRAQ',
            ours: [
              [3, 58_000],
              [5, 97_000],
              [7, 135_000],
            ],
            paper: [
              [3, 59_882],
              [5, 99_466],
              [7, 138_833],
            ],
          },
          {
            name: 'CR',
            ours: [
              [3, 20_100],
              [5, 20_000],
              [7, 20_200],
            ],
            paper: [[3, 20_552]],
          },
        ],
        remarks: ['a remark that was made up'],
      },
    ],
    problems: [{ system: 'Redis', what: 'YCSB E: scans are not supported' }],
  }
}

function madeRun(perSecond: number, outstanding: number): Run {
  const latency = madeLatency((outstanding / perSecond) * 1e6)
  return {
    load: {
      seconds: 2,
      perSecond,
      errors: 0,
      firstError: null,
      all: latency,
      byType: {},
      clientCpuSeconds: Math.min(1.9, perSecond * 4e-6 * 2),
      timeline: null,
    },
    serverCpuSeconds: { n1: 0.5, n2: 0.4, n3: 0.4 },
    traffic: { messages: Math.round(perSecond * 0.4), bytes: Math.round(perSecond * 260), syncs: 900 },
    events: [],
  }
}

function madeLatency(meanUs: number): LatencySummary {
  const at = (q: number) => meanUs * (0.55 + 0.35 * -Math.log(1 - q))
  return {
    count: 10_000,
    meanUs,
    minUs: at(0),
    p50Us: at(0.5),
    p90Us: at(0.9),
    p95Us: at(0.95),
    p99Us: at(0.99),
    p999Us: at(0.999),
    maxUs: at(0.9999),
    cdf: Array.from({ length: 60 }, (_, i) => [at(i / 60.01), i / 60] as const),
  }
}
