import { expect, test } from 'vitest'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import { STORY_TIMEOUT_MS, type TestCluster, withCluster } from '../support/cluster.ts'

const WRITES = 40

/** Name of the server that leads, as it says itself. */
async function leaderOf(cluster: LocalCluster): Promise<string | null> {
  for (const { name } of cluster.servers) {
    const status = await cluster.serverStatus(name)
    if (status?.replicas[0]?.role === 'leader') return name
  }
  return null
}

async function killLeader({ cluster, connect }: TestCluster): Promise<void> {
  const members = cluster.options.servers ?? 3
  await cluster.untilWhole({ members })
  const client = await connect()
  const leader = await leaderOf(cluster)
  expect(leader).not.toBeNull()
  const acknowledged = new Map<string, number>()
  const write = async (i: number) => {
    const outcome = await client.put(`key-${i % 10}`, `value ${i}`)
    const version = outcome.applied ? outcome.version : 0
    // One after the other, so that versions grow, whoever leads.
    expect(version).toBeGreaterThan(Math.max(0, ...acknowledged.values()))
    acknowledged.set(`key-${i % 10}`, version)
  }
  for (let i = 0; i < WRITES; i++) {
    if (i === WRITES / 2) await cluster.process(leader ?? '').kill()
    await write(i)
  }
  for (const [key, version] of acknowledged) {
    const found = await client.get(key)
    expect(found?.version).toBe(version)
  }
  expect(await leaderOf(cluster)).not.toBe(leader)
  cluster.process(leader ?? '').start()
  await cluster.untilWhole({ members })
}

test.each([
  ['raft', 3],
  ['raft-lease', 5],
] as const)(
  '%s with %i members: the leader is killed, writes go on, nothing acknowledged is lost',
  { timeout: STORY_TIMEOUT_MS },
  (protocol, servers) =>
    withCluster({ protocol, servers, replication: servers }, (cluster) => killLeader(cluster)),
)
