import { expect, test } from 'vitest'
import { type Client, StoreError } from '../../client/index.ts'
import {
  memberAt,
  membersOf,
  ms,
  STORY_TIMEOUT_MS,
  type TestCluster,
  until,
  untilDropped,
  withCluster,
} from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'
import { DirectServer } from '../support/direct-server.ts'

const SESSION_TIMEOUT_MS = 2000
const KEYS = 10_000
const PAGE = 500
const keys = Array.from({ length: KEYS }, (_, n) => `many/${n}`)
const manyValue = (key: string) => `${key} `.repeat(12)

async function putMany(client: Client): Promise<void> {
  for (let from = 0; from < KEYS; from += 2000) {
    await Promise.all(keys.slice(from, from + 2000).map((key) => client.put(key, manyValue(key))))
  }
}

/** Every one of the many keys, as one server holds it. */
async function checkManyAt(test: TestCluster, server: string): Promise<void> {
  const direct = await DirectServer.open(test.cluster, server)
  for (let from = 0; from < KEYS; from += PAGE) {
    const page = keys.slice(from, from + PAGE)
    const read = await direct.get(page)
    if (!read.ok) throw new Error(`${server} does not answer: ${read.code}`)
    const wrong = page.filter((key, i) => read.values[i]?.text !== manyValue(key))
    expect(wrong, `not at ${server}`).toEqual([])
  }
  await direct.close()
}

test(
  'a spare replaces a member that died for good; a drained one leaves in two steps; no operation fails',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withCluster({ servers: 4, replication: 3, sessionTimeoutMs: SESSION_TIMEOUT_MS }, async (test) => {
      const { cluster } = test
      await putMany(await test.connect())
      const load = await ClusterLoad.start(test)
      await load.progress()
      load.cut('undisturbed')

      const victim = await memberAt(cluster, 'middle')
      const before = await membersOf(cluster)
      const spare = cluster.servers.find(({ name }) => !before.includes(name))?.name ?? ''
      const killedAt = performance.now()
      await cluster.process(victim).kill()
      await untilDropped(cluster, victim)
      await cluster.untilWhole()
      expect(await membersOf(cluster)).toContain(spare)
      await load.progress()
      load.cut(`${victim} died for good, ${spare} serves ${ms(performance.now() - killedAt)} later`)
      await checkManyAt(test, spare)

      const coordinator = test.coordinator()
      cluster.process(victim).start() // the spare from now on
      await until('it can be drained', async () => (await coordinator.exists('/catenary/drain')) !== null)
      const drained = await memberAt(cluster, 'head')
      const drainedAt = performance.now()
      await coordinator.create(`/catenary/drain/${drained}`, null)
      await untilDropped(cluster, drained)
      await cluster.untilWhole()
      expect(await membersOf(cluster)).not.toContain(drained)
      expect(await membersOf(cluster)).toContain(victim)
      await load.progress()
      load.cut(`${drained} drained in ${ms(performance.now() - drainedAt)}`)
      const steps = cluster.coordinators.map(({ log }) => log).join('\n')
      // A machine that is very busy may cost it its session instead: then nobody has to ask it.
      if (!steps.includes(`"msg":"${drained} has lost its session`)) {
        expect(steps).toContain(`"msg":"${drained} is being drained: asked to leave c0"`)
        expect(steps).toContain(`"msg":"${drained} has stopped answering: dropped from c0"`)
      }
      expect(cluster.process(drained).isRunning).toBe(true)
      await checkManyAt(test, victim)

      await load.verify()
      expect(load.errors).toEqual([])
    }),
)

test(
  'four chains on four servers: tags keep keys together, scans go over all chains, a death is repaired in each',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withCluster(
      { servers: 4, replication: 3, chains: 4, sessionTimeoutMs: SESSION_TIMEOUT_MS },
      async (test) => {
        const { cluster } = test
        const client = await test.connect()
        const chains = ['c0', 'c1', 'c2', 'c3']
        const heads = await Promise.all(chains.map(async (chain) => (await membersOf(cluster, chain))[0]))
        const tails = await Promise.all(chains.map(async (chain) => (await membersOf(cluster, chain)).at(-1)))
        // Chains are made as soon as three servers are there, perhaps before the fourth.
        expect(new Set(heads).size, 'heads are spread').toBeGreaterThanOrEqual(3)
        expect(new Set(tails).size, 'tails are spread').toBeGreaterThanOrEqual(3)

        const accounts = Array.from({ length: 40 }, (_, n) => `{account ${n}}`)
        await Promise.all(accounts.map((account) => client.put(`${account}.a`, '100')))
        const move = (account: string) =>
          client.transaction({
            compare: [{ key: `${account}.a`, ifValue: '100' }],
            read: [`${account}.a`, `${account}.b`],
            write: [
              { key: `${account}.a`, value: '90' },
              { key: `${account}.b`, value: '10' },
            ],
          })
        const moved = await Promise.all(accounts.map(move))
        expect(
          moved.every(({ applied, reads }) => applied && reads[0]?.text() === '100' && reads[1] === null),
        ).toBe(true)
        expect((await move('{account 0}')).applied).toBe(false)
        await expect(
          client.transaction({ write: accounts.map((key) => ({ key, value: '' })) }),
        ).rejects.toMatchObject({ code: 'CROSS_CHAIN' })

        const victim = heads[0] ?? ''
        const writing = accounts.map((account) => client.append(`${account}.log`, 'x'))
        await cluster.process(victim).kill()
        await Promise.all(writing)
        for (const chain of chains) await untilDropped(cluster, victim, chain)
        await cluster.untilWhole()
        for (const chain of chains) expect(await membersOf(cluster, chain)).not.toContain(victim)

        const found = new Map<string, string>()
        const order: string[] = []
        for await (const item of client.scan({ prefix: '{account ', pageSize: 7 })) {
          found.set(item.key, item.text())
          order.push(item.key)
        }
        const expected = accounts.flatMap((account): [string, string][] => [
          [`${account}.a`, '90'],
          [`${account}.b`, '10'],
          [`${account}.log`, 'x'],
        ])
        expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected))
        expect(order).toEqual([...order].sort())
        const pairs = await client.getMany(accounts.flatMap((account) => [`${account}.a`, `${account}.b`]))
        expect(pairs.reduce((sum, value) => sum + Number(value?.text()), 0)).toBe(100 * accounts.length)

        cluster.process(victim).start()
        await until(
          'it is back as a spare, or a member',
          async () => (await cluster.serverStatus(victim)) !== null,
        )
        expect(await cluster.isWhole()).toBe(true)
      },
    ),
)

/** Why a read fails; null where it does not. */
async function failure(client: Client): Promise<string | null> {
  try {
    await client.get('kept', { timeoutMs: 1500 })
    return null
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return `${error.code}: ${error.message}`
  }
}

/** What the manager says that the chain waits for. */
async function waiting({ cluster }: TestCluster): Promise<string> {
  const statuses = await Promise.all(cluster.coordinators.map(({ name }) => cluster.coordinatorStatus(name)))
  return JSON.stringify(
    statuses.map((status) => (status?.['manager'] as { waiting?: unknown } | null)?.waiting),
  )
}

test(
  'the last serving member is the only one who may return; a wiped one may not; an operator may choose',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withCluster({ sessionTimeoutMs: SESSION_TIMEOUT_MS }, async (test) => {
      const { cluster } = test
      const client = await test.connect()
      await client.put('kept', 'by three')
      const [head = '', middle = '', tail = ''] = await membersOf(cluster)
      await cluster.process(head).kill()
      await untilDropped(cluster, head)
      await cluster.process(tail).kill()
      await untilDropped(cluster, tail)
      await client.put('kept', 'by the last')
      await cluster.process(middle).kill()

      // Others who once were members hold less.
      cluster.process(head).start()
      await until('the manager says what it waits for', async () =>
        (await waiting(test)).includes(`waits for ${middle} to return with its data`),
      )
      const why = await failure(client)
      expect(why).toMatch(/^(TIMEOUT|NOT_SERVING|CONNECTION_LOST): /)
      console.log(`its members are dead: ${why}`)

      cluster.process(middle).start()
      await until('the last member serves again', () => cluster.isWhole(2))
      expect((await membersOf(cluster))[0]).toBe(middle)
      expect((await client.get('kept'))?.text()).toBe('by the last')

      await cluster.process(head).kill()
      await untilDropped(cluster, head)
      await client.put('kept', 'by the last alone')
      await cluster.wipe(middle)
      cluster.process(middle).start()
      cluster.process(head).start()
      await until('the manager says what is wrong', async () =>
        (await waiting(test)).includes(`${middle} is back, but without the data`),
      )
      const whyStill = await failure(client)
      expect(whyStill).toMatch(/^(TIMEOUT|NOT_SERVING|CONNECTION_LOST): /)
      console.log(`its last member was wiped: ${whyStill}`)

      // The operator prefers what was, a moment ago, to nothing.
      await test.coordinator().create('/catenary/chains/c0/reset', JSON.stringify({ server: head }))
      await until('the chosen one serves, and the wiped one joins', () => cluster.isWhole(2))
      expect((await membersOf(cluster))[0]).toBe(head)
      expect((await client.get('kept'))?.text()).toBe('by the last')
      cluster.process(tail).start()
      await cluster.untilWhole()
      expect((await client.put('kept', 'by three again')).applied).toBe(true)
    }),
)
