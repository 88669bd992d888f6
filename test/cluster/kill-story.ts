import { expect } from 'vitest'
import type { TestCluster } from '../support/cluster.ts'
import { memberAt, ms, until, untilDropped } from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'

export const SESSION_TIMEOUT_MS = 2000
/** For a machine with other things to do. The figures that matter are printed. */
const SLACK_MS = 6000
const CLEAN_READS_STALL_MAX_MS = 4000

/** Kills each kind of member in turn under load, and lets it return. */
export async function killEachMember(test: TestCluster, between?: (load: ClusterLoad) => Promise<void>) {
  const { cluster } = test
  const load = await ClusterLoad.start(test)
  await load.progress()
  load.cut('undisturbed')
  for (const position of ['tail', 'middle', 'head'] as const) {
    const victim = await memberAt(cluster, position)
    load.cut('meanwhile')
    const began = performance.now()
    await cluster.process(victim).kill()
    await untilDropped(cluster, victim)
    await load.progress()
    const { cleanReads, writes } = load.cut(`${position} ${victim} killed`)
    expect(cleanReads).toBeLessThan(CLEAN_READS_STALL_MAX_MS)
    expect(writes).toBeLessThan(1.5 * SESSION_TIMEOUT_MS + SLACK_MS)
    cluster.process(victim).start()
    await cluster.untilWhole()
    await load.progress()
    load.cut(`${victim} back, whole after ${ms(performance.now() - began)}`)
  }
  await killRaftLeader(test, load)
  await between?.(load)
  await cluster.untilWhole()
  await load.verify()
  expect(load.errors).toEqual([])
}

/** The data path does not notice. */
async function killRaftLeader({ cluster }: TestCluster, load: ClusterLoad): Promise<void> {
  const leader = await cluster.leader()
  if (leader === null) throw new Error('there is no Raft leader')
  await cluster.process(leader).kill()
  await until('another leader', async () => ![null, leader].includes(await cluster.leader()))
  await load.progress()
  const { cleanReads } = load.cut(`Raft leader ${leader} killed`)
  expect(cleanReads).toBeLessThan(CLEAN_READS_STALL_MAX_MS)
  cluster.process(leader).start()
  await until(`${leader} is back`, async () => (await cluster.coordinatorStatus(leader))?.leader != null)
}
