/** Whole clusters over brokers as they are in the wild: one of three dies, messages are lost and late, and somebody must have a password. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Client } from '../../client/index.ts'
import { freePorts } from '../../runtime/processes/free-ports.ts'
import { memberAt, ms, STORY_TIMEOUT_MS, until, untilDropped, withCluster } from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'
import { startNatsProxy } from '../support/nats-proxy.ts'
import { startNatsServer } from '../support/nats-server.ts'

const SLOW = { timeout: STORY_TIMEOUT_MS }
/** For a machine with other things to do. The figures that matter are printed. */
const STALL_MAX_MS = 10_000

/** `seq key` of every change of the writers' own keys, in the order in which they were shown. */
function watchOwn(client: Client): Set<string> {
  const seen = new Set<string>()
  const pump = async () => {
    for await (const { seq, key } of client.watch('own/', { fromSeq: 1 })) seen.add(`${seq} ${key}`)
  }
  pump().catch((error: { code?: string }) => {
    if (error.code !== 'CLOSED') throw error
  })
  return seen
}

test('three brokers, of which the first dies under load and comes back: nothing is lost', SLOW, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'catenary-nats-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const password = join(folder, 'password')
  writeFileSync(password, 'of-the-cluster\n')
  const config = join(folder, 'nats.conf')
  writeFileSync(config, 'authorization { user: catenary, password: "of-the-cluster" }\n')
  const ports = await freePorts(3)
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(',')
  const brokers = await Promise.all(
    ports.map((port) => {
      const args = [
        '-c',
        config,
        '--cluster_name',
        'x',
        '--cluster',
        `nats://127.0.0.1:${port}`,
        '--routes',
        routes,
      ]
      return startNatsServer({ args })
    }),
  )
  onTestFinished(async () => void (await Promise.all(brokers.map((broker) => broker.dispose()))))
  const hosts = brokers.map(({ url }) => url.replace('nats://', '')).join(',')
  const transport = `nats://${hosts}?user=catenary&password=${password}`
  await withCluster({ coordinators: 1, transport }, async (cluster) => {
    const load = await ClusterLoad.start(cluster)
    const seen = watchOwn(await cluster.connect())
    await load.progress()
    load.cut('undisturbed')
    const [first] = brokers
    await first?.stop()
    await load.progress()
    const { reads, writes } = load.cut('one of three brokers killed')
    expect(Math.max(reads, writes)).toBeLessThan(STALL_MAX_MS)
    await first?.start()
    await load.progress()
    load.cut('and back')
    const tail = await memberAt(cluster.cluster, 'tail')
    await cluster.cluster.process(tail).kill()
    await untilDropped(cluster.cluster, tail)
    await load.progress()
    load.cut(`${tail} killed, the tail, which watchers may have asked`)
    cluster.cluster.process(tail).start()
    await cluster.cluster.untilWhole()
    await load.verify()
    expect(load.errors).toEqual([])
    const acknowledged = [...load.acknowledged].map(([key, { version }]) => `${version} ${key}`)
    await until('the watcher has seen it all', () => acknowledged.every((change) => seen.has(change)))
    const order = [...seen].map((change) => Number.parseInt(change, 10))
    expect(order).toEqual([...order].sort((a, b) => a - b))
    const told = cluster.cluster.processes.some(({ log }) => log.includes('of-the-cluster'))
    expect(told, 'a log shows the password').toBe(false)
  })
})

test(
  'messages between members, clients and the broker are lost and late: nothing that was acknowledged is',
  SLOW,
  async () => {
    const broker = await startNatsServer()
    const proxy = await startNatsProxy(broker.url)
    onTestFinished(async () => {
      await proxy.close()
      await broker.dispose()
    })
    await withCluster({ coordinators: 1, transport: proxy.url, sessionTimeoutMs: 3000 }, async (cluster) => {
      const load = await ClusterLoad.start(cluster)
      await load.progress()
      load.cut('undisturbed')
      proxy.delayMs = 10
      proxy.loss = 0.01
      await load.progress()
      await load.progress()
      const { reads, writes } = load.cut(
        `three messages in a hundred lost, each up to ${ms(proxy.delayMs)} late`,
      )
      expect(Math.max(reads, writes)).toBeLessThan(STALL_MAX_MS)
      proxy.loss = 0
      proxy.delayMs = 0
      proxy.cut()
      await load.progress()
      load.cut('every connection to the broker cut at once')
      await cluster.cluster.untilWhole()
      await load.verify()
      expect(load.errors).toEqual([])
    })
  },
)
