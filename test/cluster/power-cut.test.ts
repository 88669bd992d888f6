import { expect, test } from 'vitest'
import type { LocalProcess } from '../../runtime/processes/local-process.ts'
import { membersOf, ms, STORY_TIMEOUT_MS, type TestCluster, until, withCluster } from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'

/** Longer than any outage here: clients wait, and what they began before the cut happens once all the same. */
const PATIENCE_MS = 60_000

/** Everything that is given loses its power in the same moment. */
const cut = (processes: readonly LocalProcess[]) => Promise.all(processes.map((process) => process.kill()))

async function comesBack(test: TestCluster, load: ClusterLoad, what: string): Promise<void> {
  const began = performance.now()
  await test.cluster.untilWhole({ timeoutMs: 60_000 })
  await load.progress()
  load.cut(`${what}: whole and working ${ms(performance.now() - began)} after the last start`)
}

test(
  'a power cut of everything: the chain comes back by itself with every acknowledged write',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withCluster({}, async (test) => {
      const { cluster } = test
      // Before anybody has written anything: there is no entry that could tell who was a member.
      await cut(cluster.processes)
      for (const process of cluster.processes) process.start()
      await cluster.untilWhole()

      const load = await ClusterLoad.start(test, { timeoutMs: PATIENCE_MS })
      await load.progress()
      await cut(cluster.processes)
      for (const process of cluster.coordinators) process.start()
      const [alone, ...others] = [...cluster.servers].reverse()
      if (alone === undefined) throw new Error('there are no servers')
      alone.start()
      await until('one server serves alone', () => cluster.isWhole(1))
      expect(await membersOf(cluster)).toEqual([alone.name])
      await load.progress()
      load.cut('one of three serves alone')
      await load.checkAt(cluster, alone.name)
      for (const process of others) process.start()
      await comesBack(test, load, 'the other two later')

      await cut(cluster.servers)
      for (const process of cluster.servers) process.start()
      await comesBack(test, load, 'all servers, while the coordinators stay up')

      await load.verify()
      expect(load.errors).toEqual([])
    }),
)
