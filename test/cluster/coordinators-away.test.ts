import { expect, test } from 'vitest'
import type { ServerStatus } from '../../runtime/processes/local-cluster.ts'
import {
  memberAt,
  ms,
  type Position,
  STORY_TIMEOUT_MS,
  type TestCluster,
  until,
  untilDropped,
  withCluster,
} from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'
import { DirectServer } from '../support/direct-server.ts'

const SESSION_TIMEOUT_MS = 2000

async function statuses({ cluster }: TestCluster): Promise<ServerStatus[]> {
  const found = await Promise.all(cluster.servers.map(({ name }) => cluster.serverStatus(name)))
  return found.filter((status) => status !== null)
}

/** How many servers could answer a strong read by themselves. */
const leases = async (test: TestCluster) =>
  (await statuses(test)).filter(({ replicas }) => replicas[0]?.leaseLives).length

const barriers = async (test: TestCluster) =>
  (await statuses(test)).reduce((sum, { replicas }) => sum + (replicas[0]?.counters.barrierReads ?? 0), 0)

test(
  'all coordinators are away for longer than any lease: reads and writes go on (DESIGN section 6)',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withCluster({ sessionTimeoutMs: SESSION_TIMEOUT_MS }, async (test) => {
      const { cluster } = test
      const load = await ClusterLoad.start(test)
      await load.progress()
      load.cut('undisturbed')

      await Promise.all(cluster.coordinators.map((process) => process.kill()))
      const epoch = (await cluster.chain())?.epoch
      await until('no lease lives', async () => (await leases(test)) === 0)
      const before = await barriers(test)
      await load.progress(300)
      expect(await barriers(test)).toBeGreaterThan(before)
      const away = load.cut('without coordinators')
      expect(away.reads).toBeLessThan(4000)
      expect(away.cleanReads).toBeLessThan(4000)
      expect(away.writes).toBeLessThan(4000)
      expect((await cluster.chain())?.epoch).toBe(epoch)

      for (const process of cluster.coordinators) process.start()
      await until('every lease lives', async () => (await leases(test)) === 3)
      await cluster.untilWhole()
      await load.progress()
      load.cut('coordinators are back')
      await load.verify()
      expect(load.errors).toEqual([])
    }),
)

/**
 * 1. A server stops in the middle of its life, with a clean key and a lease.
 * 2. Its session ends; the others go on and overwrite the key.
 * 3. Reads of that key wait in its sockets when it wakes up, and more follow until it has rejoined.
 * It may refuse them, or answer what is true now. To itself it still looks like a member with everything clean (trap 2).
 */
async function pauseMember(test: TestCluster, position: Position): Promise<void> {
  const { cluster } = test
  const victim = await memberAt(cluster, position)
  const client = await test.connect()
  const direct = await DirectServer.open(cluster, victim)
  const key = `paused/${victim}`
  const first = await client.put(key, 'old')
  if (!first.applied) throw new Error('a put without a condition was not applied')
  await until(`${victim} reads locally`, async () => (await direct.get([key])).ok)

  cluster.process(victim).signal('SIGSTOP')
  const began = performance.now()
  await untilDropped(cluster, victim)
  const next = await client.put(key, 'new')
  if (!next.applied) throw new Error('a put without a condition was not applied')

  const waiting = [...Array(20)].map(() => direct.get([key]))
  const late = direct.put(`late/${victim}`, 'by a head that was')
  cluster.process(victim).signal('SIGCONT')
  let refused = 0
  let answered = 0
  const judge = (read: Awaited<(typeof waiting)[number]>) => {
    if (read.ok) {
      answered++
      expect(read.values[0]?.version, `${victim} showed what was overwritten`).toBeGreaterThanOrEqual(
        next.version,
      )
    } else refused++
  }
  for (const read of await Promise.all(waiting)) judge(read)
  const together = { refused, answered }
  while (answered === together.answered) {
    judge(await direct.get([key]))
    if (performance.now() - began > 40_000) throw new Error(`${victim} did not serve again`)
  }
  const written = await late
  if (typeof written === 'number') {
    const found = await client.get(`late/${victim}`)
    expect(found?.version, 'acknowledged by a deposed head, and gone').toBe(written)
  }
  console.log(
    `${position} ${victim} paused: of 20 reads that met it waking ${together.refused} were refused; a write: ${written}; ` +
      `served again after ${ms(performance.now() - began)}`,
  )
  await direct.close()
  await cluster.untilWhole()
}

test(
  'a server that slept longer than its session wakes up: it serves nothing old (trap 2)',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withCluster({ sessionTimeoutMs: SESSION_TIMEOUT_MS }, async (test) => {
      const load = await ClusterLoad.start(test)
      for (const position of ['tail', 'head'] as const) {
        await load.progress()
        load.cut('awake')
        await pauseMember(test, position)
        await load.progress()
        load.cut(`${position} slept`)
      }
      await load.verify()
      expect(load.errors).toEqual([])
    }),
)
