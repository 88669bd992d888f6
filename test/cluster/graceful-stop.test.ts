import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { LocalProcess } from '../../runtime/processes/local-process.ts'
import { memberAt, membersOf, ms, STORY_TIMEOUT_MS, until, withCluster } from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'

const STOP_MS_MAX = 8000

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function stop(process: LocalProcess): Promise<void> {
  const { pid, name } = process
  if (pid === null) throw new Error(`${name} does not run`)
  const began = performance.now()
  expect(await process.stop(STOP_MS_MAX), `exit status of ${name}`).toBe(0)
  console.log(`${name} stopped in ${ms(performance.now() - began)}`)
  expect(isAlive(pid)).toBe(false)
}

test(
  'SIGTERM ends each process with status 0 and leaves nothing behind; its data is there when it returns',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withCluster({}, async (test) => {
      const { cluster } = test
      const load = await ClusterLoad.start(test, { timeoutMs: 60_000 })
      await load.progress()
      load.cut('undisturbed')

      // Nobody waits for the session of one that says good-bye to expire.
      for (const position of ['head', 'tail'] as const) {
        const name = await memberAt(cluster, position)
        await stop(cluster.process(name))
        await until(`${name} is dropped`, async () => !(await membersOf(cluster)).includes(name))
        await load.progress()
        load.cut(`without ${name}`)
        cluster.process(name).start()
        await cluster.untilWhole()
      }
      const leader = (await cluster.leader()) ?? ''
      const follower = cluster.coordinators.find(({ name }) => name !== leader)?.name ?? ''
      for (const name of [leader, follower]) {
        const process = cluster.process(name)
        await stop(process)
        await until('there is a leader', async () => (await cluster.leader()) !== null)
        await load.progress()
        load.cut(`without ${process.name}`)
        process.start()
        await until('it is back', async () => (await cluster.coordinatorStatus(process.name))?.leader != null)
      }
      await cluster.untilWhole()

      for (const process of [...cluster.servers, ...cluster.coordinators]) await stop(process)
      const { directory } = cluster.options
      const names = cluster.processes.map(({ name }) => name)
      expect(readdirSync(directory).sort()).toEqual([...names, 'logs'].sort())
      for (const name of names) {
        const left = readdirSync(cluster.dataDirectory(name), { recursive: true, encoding: 'utf8' })
        expect(
          left.filter((file) => /(^|\/)lock$|takeover|tmp|temp/.test(file)),
          name,
        ).toEqual([])
      }

      for (const process of cluster.processes) process.start()
      await cluster.untilWhole()
      await load.progress()
      await load.verify()
      expect(load.errors).toEqual([])
    }),
)
