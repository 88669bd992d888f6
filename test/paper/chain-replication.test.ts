import { describe, expect, test } from 'vitest'
import { hoursToUnavailable, type Placement } from '../../lab/paper/chain-replication/placement.ts'
import { throughputOf } from '../../lab/paper/chain-replication/single-chain.ts'
import { cr6Updates } from '../../lab/paper/chain-replication/volumes.ts'
import { emulabCosts } from '../../lab/paper/cluster/costs.ts'

describe('Chain Replication’s figures', () => {
  test('4: a chain is never slower than primary/backup, and weak reads lose once there are enough updates', () => {
    const rate = (kind: Parameters<typeof throughputOf>[0], updateShare: number) =>
      throughputOf(kind, { replicas: 3, updateShare, seconds: 20 })
    for (const share of [0, 0.1, 0.3]) {
      expect(rate('chain', share)).toBeGreaterThan(0.97 * rate('primary/backup', share))
    }
    expect(rate('chain', 0.1)).toBeGreaterThan(1.2 * rate('primary/backup', 0.1))
    expect(rate('chain, weak reads', 0)).toBeGreaterThan(2 * rate('chain', 0))
    expect(rate('chain, weak reads', 0.2)).toBeLessThan(rate('chain', 0.2))
  })

  test('6: nothing for the time of detection, and more updates while chains are short', () => {
    const line =
      cr6Updates({ quick: true, costs: emulabCosts }).series.find(({ name }) => name === 'updates, 5 clients')
        ?.ours ?? []
    const mean = (from: number, to: number) => {
      const inside = line.filter(([x]) => x > from && x <= to).map(([, y]) => y)
      return inside.reduce((sum, y) => sum + y, 0) / inside.length
    }
    expect(new Map(line).get(40)).toBe(0)
    expect(mean(44, 80)).toBeGreaterThan(mean(4, 28))
  })

  test('7: few servers: the ring is best; many: random with parallel recovery; sequential never', () => {
    const hours = (placement: Placement, servers: number) =>
      hoursToUnavailable({ placement, servers, replicas: 3, seed: 1, failuresMax: 1500, lossesMax: 50 }) ??
      1e9
    expect(hours('ring', 5)).toBeGreaterThan(hours('random, sequential', 5))
    expect(hours('random, parallel', 40)).toBeGreaterThan(hours('ring', 40))
    expect(hours('random, sequential', 40)).toBeLessThan(hours('ring', 40))
  })
})
