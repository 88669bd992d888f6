import { describe, expect, test } from 'vitest'
import { ChainManager } from '../../lab/paper/cluster/chain-manager.ts'
import type { Outcome, PaperCluster } from '../../lab/paper/cluster/cluster.ts'
import {
  type Costs,
  emulabCosts,
  measuredCosts,
  pace,
  readTimeUs,
  slowed,
} from '../../lab/paper/cluster/costs.ts'
import { CHAIN, closedReads, openWrites } from '../../lab/paper/cluster/load.ts'
import { Meter } from '../../lab/paper/cluster/meter.ts'
import { formedChain, measureChain } from '../../lab/paper/craq/chain-load.ts'

const quick = { costs: emulabCosts, bytes: 500, measureMs: 100 }

const readsOf = (length: number, readers: 'any' | 'tail', costs: Costs = emulabCosts) =>
  measureChain({ ...quick, costs, length, readers, reads: 30 * length, writesPerSecond: 0 }).perSecond('read')

const underWrites = (questions: Costs['questions']) =>
  measureChain({
    ...quick,
    costs: { ...emulabCosts, questions },
    length: 3,
    readers: 'any',
    reads: 90,
    writesPerSecond: 1000,
  })

describe('the simulated cluster', () => {
  test('the same seed gives the same numbers, another seed others', () => {
    const run = (seed: number) => {
      const meter = measureChain({
        ...quick,
        length: 3,
        readers: 'any',
        reads: 30,
        writesPerSecond: 500,
        seed,
      })
      return ['read', 'clean', 'dirty', 'write'].map((kind) => [meter.count(kind), meter.meanMs(kind)])
    }
    expect(run(1)).toEqual(run(1))
    expect(run(1)).not.toEqual(run(2))
  })

  test('the tail alone reads one over its service time: the paper’s 20,552/s', () => {
    expect(1e6 / readTimeUs(emulabCosts, 500)).toBeCloseTo(20_552, -2)
    expect(1e6 / readTimeUs(emulabCosts, 5000)).toBeCloseTo(2275, -1)
    expect(Math.abs(readsOf(3, 'tail') / 20_552 - 1)).toBeLessThan(0.02)
  })

  test('reads at any replica scale with the length of the chain (CRAQ §2.3)', () => {
    const tail = readsOf(3, 'tail')
    expect(readsOf(3, 'any') / tail).toBeGreaterThan(2.8)
    expect(readsOf(5, 'any') / tail).toBeGreaterThan(4.6)
    expect(readsOf(5, 'any') / tail).toBeLessThan(5.1)
  })

  test('reads go on under writes, a good part of them clean', () => {
    const shared = underWrites('shared')
    const readOnly = readsOf(3, 'any')
    expect(shared.perSecond('write')).toBeGreaterThan(700)
    expect(shared.perSecond('clean') / readOnly).toBeGreaterThan(0.25)
    expect(shared.perSecond('dirty') / readOnly).toBeGreaterThan(0.15)
    expect(shared.perSecond('read') / readOnly).toBeGreaterThan(0.5)
  })

  test('a question for each read costs more than questions that reads share', () => {
    expect(underWrites('each').perSecond('read')).toBeLessThan(underWrites('shared').perSecond('read'))
  })

  test('where entries must be synced, a write waits for the disk', () => {
    const writeMs = (syncUs: number) => {
      const meter = measureChain({
        ...quick,
        costs: { ...emulabCosts, syncUs },
        length: 3,
        readers: 'tail',
        reads: 1,
        writesPerSecond: 100,
      })
      expect(meter.count('write')).toBeGreaterThan(2)
      return meter.quantileMs('write', 0.5)
    }
    expect(writeMs(5000)).toBeGreaterThan(writeMs(0) + 4.5)
  })

  test('a killed server is dropped, and joins again with what was written meanwhile', () => {
    const cluster = formedChain({ costs: slowed(emulabCosts, 5), length: 3, bytes: 500 })
    const meter = new Meter({ fromUs: 0, untilUs: 1e9 })
    const manager = new ChainManager(cluster)
    const middle = cluster.servers[1]
    if (middle === undefined) throw new Error('there is no middle')
    load(cluster, meter)
    cluster.run(500_000)
    cluster.kill(middle.id)
    cluster.run(500_000)
    const stuck = meter.count('write')
    manager.evict(CHAIN, middle.id)
    cluster.run(500_000)
    expect(meter.count('write')).toBeGreaterThan(stuck + 20)
    middle.restart()
    manager.join(CHAIN, middle.id)
    cluster.run(3e6)
    const members = cluster.configs.get(CHAIN)?.members ?? []
    expect(members.map(({ server, serving }) => [server, serving])).toEqual([
      ['n1', true],
      ['n3', true],
      ['n2', true],
    ])
    const [head, , tail] = members.map(({ server }) => cluster.server(server).hosted(CHAIN).replica)
    expect(tail?.log.last).toBeGreaterThan((head?.log.last ?? 0) - 10)
    expect(tail?.store.keyCount).toBe(1)
  })
})

function load(cluster: PaperCluster, meter: Meter): void {
  const add = (kind: string) => (outcome: Outcome) => meter.add(kind, outcome)
  closedReads(cluster, { readers: 'any', outstanding: 5, onDone: add('read') })
  openWrites(cluster, { perSecond: 100, bytes: 500, onDone: add('write') })
}

describe('prices', () => {
  test('what was measured is named, and what was not', () => {
    const costs = measuredCosts({ readUs: 9.5 })
    expect(costs.readUs).toBe(9.5)
    expect(costs.described).toMatch(/measured: readUs 9\.5; assumed: .*writeUs/)
    expect(measuredCosts({}).described).not.toContain('measured:')
  })

  test('a machine of the paper has the paper’s pace, a slower one less', () => {
    expect(pace(emulabCosts)).toBe(1)
    expect(pace(slowed(emulabCosts, 4))).toBeCloseTo(0.25)
  })
})
