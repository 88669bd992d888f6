/** Clients of others, which know nothing of this project, against three coordinators that are killed meanwhile. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { STORY_TIMEOUT_MS } from '../support/cluster.ts'
import { type Coordinators, runWithKills, withCoordinators } from '../support/coordinators.ts'

const PYTHON = '/usr/bin/python3'
const SHELL = '/usr/share/zookeeper/bin/zkCli.sh'
/** A session of this client moves within its timeout of six seconds. */
const PATIENCE = { timeout: 30_000 }
const ADVICE = 'run scripts/install-test-servers.sh'

test('kazoo: recipes and watches', { timeout: STORY_TIMEOUT_MS }, () =>
  withCoordinators(async (coordinators) => {
    const script = join(import.meta.dirname, 'real-clients-kazoo.py')
    const args = [script, coordinators.addresses.join(',')]
    const { code, output } = await runWithKills(coordinators, { program: PYTHON, args })
    expect(code, `${output}\nwithout kazoo: ${ADVICE}`).toBe(0)
    expect(output).toContain('all is well')
  }),
)

test('node-zookeeper-client and zkCli.sh', { timeout: STORY_TIMEOUT_MS }, () =>
  withCoordinators(async (coordinators) => {
    await nodeClient(coordinators)
    await javaShell(coordinators)
  }),
)

// ---- npm's node-zookeeper-client, which has no types ----

interface NodeClient {
  connect(): void
  close(): void
  once(event: 'connected', listener: () => void): void
  getSessionId(): Buffer
  create(
    path: string,
    data: Buffer | null,
    mode: number,
    done: (error: Error | null, path: string) => void,
  ): void
  setData(
    path: string,
    data: Buffer,
    version: number,
    done: (error: Error | null, stat: unknown) => void,
  ): void
  getData(
    path: string,
    watch: ((event: { name: string; path: string }) => void) | null,
    done: (error: Error | null, data: Buffer) => void,
  ): void
  getChildren(path: string, done: (error: Error | null, children: string[]) => void): void
  transaction(): NodeTransaction
}
interface NodeTransaction {
  create(path: string, data: Buffer): NodeTransaction
  check(path: string, version: number): NodeTransaction
  commit(done: (error: { name: string } | null) => void): void
}
interface NodeLibrary {
  createClient(hosts: string, options: { sessionTimeout: number; retries: number }): NodeClient
  readonly CreateMode: { readonly EPHEMERAL_SEQUENTIAL: number; readonly PERSISTENT: number }
}

const called = <Value>(ask: (done: (error: Error | null, value: Value) => void) => void): Promise<Value> =>
  new Promise((resolve, reject) => {
    ask((error, value) => (error === null || error === undefined ? resolve(value) : reject(error)))
  })

async function nodeClient({ addresses, leader, killAndRestart }: Coordinators): Promise<void> {
  const library = createRequire(import.meta.url)('node-zookeeper-client') as NodeLibrary
  const client = library.createClient(addresses.join(','), { sessionTimeout: 6000, retries: 20 })
  await new Promise<void>((resolve) => {
    client.once('connected', resolve)
    client.connect()
  })
  const session = client.getSessionId().toString('hex')
  const { PERSISTENT, EPHEMERAL_SEQUENTIAL } = library.CreateMode
  await called((done) => client.create('/npm', Buffer.from('0'), PERSISTENT, done))
  const mine = await called<string>((done) =>
    client.create('/npm/n-', Buffer.alloc(0), EPHEMERAL_SEQUENTIAL, done),
  )
  const events: { name: string; path: string }[] = []
  // This client registers a watch when the answer comes: asked again after the kill, it might come behind the write.
  await called((done) => client.getData('/npm', (event) => events.push(event), done))
  await killAndRestart(await leader())
  await called((done) => client.setData('/npm', Buffer.from('1'), -1, done))
  await expect.poll(() => events, PATIENCE).toMatchObject([{ name: 'NODE_DATA_CHANGED', path: '/npm' }])
  expect((await called<Buffer>((done) => client.getData('/npm', null, done))).toString()).toBe('1')
  const transaction = client.transaction().create('/npm/t', Buffer.from('t')).check('/npm', 7)
  const refused = await new Promise<{ name: string } | null>((resolve) => transaction.commit(resolve))
  expect(refused?.name).toBe('BAD_VERSION')
  expect(await called<string[]>((done) => client.getChildren('/npm', done))).toEqual([
    mine.slice('/npm/'.length),
  ])
  expect(client.getSessionId().toString('hex')).toBe(session)
  client.close()
}

// ---- Apache ZooKeeper's own shell ----

const SCRIPT = [
  'create /shell one',
  'get /shell',
  'set /shell two',
  'get -s /shell',
  'create -s -e /shell/n- x',
  'ls /shell',
  'set -v 0 /shell three',
  'sync /shell',
  'stat /shell',
  'delete /shell',
  'deleteall /shell',
  'get /shell',
  'quit',
]

async function javaShell(coordinators: Coordinators): Promise<void> {
  await coordinators.untilServing()
  if (!existsSync(SHELL)) throw new Error(`${SHELL} is missing: ${ADVICE}`)
  const script = SCRIPT.map((line) => `echo '${line}'`).join('; ')
  const args = [
    '-c',
    `(${script}) | ${SHELL} -waitforconnection -server ${coordinators.addresses.join(',')} 2>&1`,
  ]
  const { output } = await runWithKills(coordinators, { program: '/bin/bash', args })
  const lines = output.split('\n')
  for (const expected of [
    'Created /shell',
    'one',
    'two',
    'dataVersion = 1',
    'Created /shell/n-0000000000',
    '[n-0000000000]',
    'version No is not valid : /shell',
    'Sync is OK',
    'numChildren = 1',
    'Node not empty: /shell',
    'Node does not exist: /shell',
  ])
    expect(
      lines.map((line) => line.trim()),
      output,
    ).toContain(expected)
}
