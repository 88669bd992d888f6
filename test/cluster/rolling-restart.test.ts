/** The way that docs/OPERATIONS.md describes: each process in turn, under load, with nothing lost. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import { catenary } from '../cli/run-catenary.ts'
import { membersOf, ms, STORY_TIMEOUT_MS, until, withCluster } from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'

const page = async (cluster: LocalCluster, name: string, path: string) => {
  const response = await fetch(`http://127.0.0.1:${cluster.httpPort(name)}${path}`).catch(() => null)
  return response === null ? null : { status: response.status, text: await response.text() }
}

const untilReady = (cluster: LocalCluster, name: string) =>
  until(`${name} is ready`, async () => (await page(cluster, name, '/readyz'))?.status === 200)

/** The value of a metric without labels, or with these. */
const numberIn = (text: string | undefined, metric: string): number =>
  Number(
    text
      ?.split('\n')
      .find((line) => line.startsWith(`${metric} `))
      ?.split(' ')
      .at(-1),
  )

test(
  'a rolling restart: every coordinator, and every server after it was drained; a backup is taken meanwhile',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withCluster({ servers: 3, replication: 2 }, async (test) => {
      const { cluster } = test
      const load = await ClusterLoad.start(test, { timeoutMs: 60_000 })
      await load.progress()
      load.cut('undisturbed')
      let longest = { reads: 0, cleanReads: 0, writes: 0 }
      let beganMs = performance.now()
      const cut = (what: string) => {
        const stalls = load.cut(`${what} in ${ms(performance.now() - beganMs)}`)
        beganMs = performance.now()
        longest = {
          reads: Math.max(longest.reads, stalls.reads),
          cleanReads: Math.max(longest.cleanReads, stalls.cleanReads),
          writes: Math.max(longest.writes, stalls.writes),
        }
      }

      const file = join(cluster.options.directory, 'meanwhile.backup')
      const ensemble = ['--coordinator', cluster.coordinatorAddresses.join(',')]
      const backup = catenary(['backup', file, ...ensemble])

      for (const { name } of cluster.coordinators) {
        const process = cluster.process(name)
        expect(await process.stop(8000), `exit status of ${name}`).toBe(0)
        process.start()
        await untilReady(cluster, name)
        cut(`${name} restarted`)
      }

      expect(await backup).toMatchObject({ status: 0 })
      expect(await catenary(['backup', 'verify', file])).toMatchObject({ status: 0 })

      // Not over what is there.
      const restore = catenary(['restore', file, '--servers', cluster.clientServers.join(',')])
      const session = test.coordinator()
      for (const { name } of cluster.servers) {
        const process = cluster.process(name)
        await session.ensurePath(`/catenary/drain/${name}`) // catenary chain drain
        await until(`${name} is drained`, async () => !(await membersOf(cluster)).includes(name))
        expect(await process.stop(8000), `exit status of ${name}`).toBe(0)
        process.start()
        await session.delete(`/catenary/drain/${name}`) // catenary chain add
        await untilReady(cluster, name)
        await cluster.untilWhole()
        cut(`${name} drained and restarted`)
      }
      expect(await restore).toMatchObject({ status: 1, stderr: expect.stringContaining('is not empty') })
      await load.progress()
      await load.verify()
      expect(load.errors).toEqual([])
      const { reads, cleanReads, writes } = longest
      console.log(`longest stall: writes ${ms(writes)}, reads ${ms(reads)}, of clean keys ${ms(cleanReads)}`)

      const [head = ''] = await membersOf(cluster)
      const metrics = (await page(cluster, head, '/metrics'))?.text
      expect(metrics).toMatch(
        /catenary_request_seconds_count\{door="native",operation="increment",consistency=""\} \d/,
      )
      expect(numberIn(metrics, 'catenary_lease_seconds')).toBeGreaterThan(0)
      expect(numberIn(metrics, 'catenary_fsync_seconds_count')).toBeGreaterThan(0)
      expect(numberIn(metrics, 'catenary_storage_ok')).toBe(1)
      const leader = (await cluster.leader()) ?? ''
      expect(numberIn((await page(cluster, leader, '/metrics'))?.text, 'catenary_raft_term')).toBeGreaterThan(
        0,
      )

      const told = cluster.servers
        .flatMap(({ log }) => log.split('\n'))
        .filter((line) => line.includes('"event":"reconfiguration"'))
        .map(
          (line) =>
            JSON.parse(line) as { left: string[]; why: string; writesStoodStillMs: number; msg: string },
        )
      // Three, less the one that was a spare when its turn came.
      const leaving = told.filter(({ left }) => left.length > 0)
      expect(leaving.length).toBeGreaterThanOrEqual(2)
      for (const { why, msg } of leaving) expect(why, msg).toMatch(/dropped from c0/)
      for (const { msg } of told) console.log(msg)
    }),
)
