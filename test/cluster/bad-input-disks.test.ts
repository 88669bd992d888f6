/** Directories, logs and disks that are not as they should be (DESIGN section 9). */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../client/index.ts'
import { connect } from '../../client/index.ts'
import { type LocalCluster, layOutCluster } from '../../runtime/processes/local-cluster.ts'
import type { LocalProcess } from '../../runtime/processes/local-process.ts'
import { builtEntry, startTestCluster, type TestCluster, until, untilDropped } from '../support/cluster.ts'

const KEYS = 200
const textOf = (n: number) => `value ${n}`

function lastSegment(cluster: LocalCluster, name: string): string {
  const directory = join(cluster.options.directory, name, 'wal')
  const last = readdirSync(directory)
    .filter((file) => file.endsWith('.wal'))
    .sort()
    .at(-1)
  return join(directory, last ?? '')
}

/** A bug ends a process with 70; a refusal to start, with 1 and one line. */
async function refusalOf(process: LocalProcess): Promise<string> {
  process.start()
  expect(await process.exited).toBe(1)
  return process.log.trimEnd().split('\n').at(-1) ?? ''
}

function flipByteInTheMiddle(file: string): void {
  const bytes = readFileSync(file)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x10
  writeFileSync(file, bytes)
}

/** Cuts so many bytes off what was written: after a kill many zeros are behind it. */
function shorten(file: string, bytes: number): void {
  const content = readFileSync(file)
  const zerosAt = content.indexOf(Buffer.alloc(1000))
  truncateSync(file, (zerosAt === -1 ? content.length : zerosAt) - bytes)
}

describe('logs', () => {
  let world: TestCluster
  let cluster: LocalCluster
  let client: Client

  beforeAll(async () => {
    world = await startTestCluster({})
    cluster = world.cluster
    client = await world.connect()
    await Promise.all(Array.from({ length: KEYS }, (_, n) => client.put(`key/${n}`, textOf(n))))
  })
  afterAll(async () => {
    const bugs = cluster.processes.filter(({ log }) => log.includes('"level":60'))
    await world.close({ failed: bugs.length > 0 })
    expect(bugs.map(({ name }) => name)).toEqual([])
  })

  async function follower(): Promise<string> {
    let leader: string | null = null
    await until('there is a leader', async () => {
      leader = await cluster.leader()
      return leader !== null
    })
    return cluster.coordinators.find(({ name }) => name !== leader)?.name ?? ''
  }

  /** At every replica in turn: reads are spread. */
  async function checkAll(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      const values = await client.getMany(Array.from({ length: KEYS }, (_, n) => `key/${n}`))
      expect(values.map((value) => value?.text())).toEqual(Array.from({ length: KEYS }, (_, n) => textOf(n)))
    }
  }

  test.each([
    ['a clean stop, a few bytes short', 'stop', 3],
    ['a clean stop, some records short', 'stop', 100],
    ['a kill, many records short', 'kill', 2000],
  ] as const)(
    'a half-written log tail after %s: the server starts, says so, and rejoins',
    async (_, how, bytes) => {
      const server = cluster.process('n2')
      await server[how]()
      const segment = lastSegment(cluster, 'n2')
      const said = server.log.split('incomplete record, which was cut').length
      shorten(segment, bytes)
      await client.put('meanwhile', `${how} ${bytes}`)
      server.start()
      await cluster.untilWhole()
      // Where the cut went between two records, nothing is half-written.
      const cut = server.log.split('incomplete record, which was cut').length - said
      if (cut > 0)
        expect(server.log.split('\n').findLast((line) => line.includes('which was cut'))).toContain(segment)
      if (bytes === 3) expect(cut).toBe(1)
      await checkAll()
      expect((await client.get('meanwhile'))?.text()).toBe(`${how} ${bytes}`)
    },
  )

  test('a flipped byte in the middle of a server’s log: it refuses to start, and returns with an empty directory', async () => {
    const server = cluster.process('n3')
    expect(await server.stop()).toBe(0)
    const segment = lastSegment(cluster, 'n3')
    flipByteInTheMiddle(segment)
    const refusal = await refusalOf(server)
    expect(refusal).toContain(segment)
    expect(refusal).toMatch(/corrupt at byte \d+: .*valid one follows at \d+.*Repair: .*empty one.*rejoins/)
    await client.put('meanwhile', 'without n3')
    rmSync(join(cluster.options.directory, 'n3'), { recursive: true })
    server.start()
    await cluster.untilWhole()
    await checkAll()
  })

  test('a flipped byte in the middle of a coordinator’s log: it refuses to start, and returns with an empty directory', async () => {
    const name = await follower()
    const coordinator = cluster.process(name)
    expect(await coordinator.stop()).toBe(0)
    const segment = lastSegment(cluster, name)
    flipByteInTheMiddle(segment)
    const refusal = await refusalOf(coordinator)
    expect(refusal).toContain(segment)
    expect(refusal).toMatch(/corrupt at byte \d+: .*Repair: /)
    await client.put('meanwhile', `without ${name}`)
    rmSync(join(cluster.options.directory, name), { recursive: true })
    coordinator.start()
    await until(`${name} has what the leader has`, async () => {
      const leader = await cluster.leader()
      const [own, others] = await Promise.all(
        [name, leader ?? ''].map((one) => cluster.coordinatorStatus(one)),
      )
      return own?.leader === leader && own?.['znodes'] === others?.['znodes']
    })
    await checkAll()
  })

  test('a half-written tail of a coordinator’s log is cut', async () => {
    const name = await follower()
    const coordinator = cluster.process(name)
    await coordinator.kill()
    const segment = lastSegment(cluster, name)
    shorten(segment, 3)
    coordinator.start()
    await until(`${name} is back`, async () => (await cluster.coordinatorStatus(name))?.leader != null)
    expect(coordinator.log).toContain('incomplete record, which was cut')
    await checkAll()
  })
})

const MAY_MOUNT = (() => {
  const directory = mkdtempSync(join(tmpdir(), 'catenary-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' })
    execFileSync('umount', [directory], { stdio: 'ignore' })
    return true
  } catch {
    return false
  } finally {
    rmSync(directory, { recursive: true })
  }
})()

test.skipIf(!MAY_MOUNT)(
  'a full disk: the server leaves its chains and says why, and returns when there is space',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'catenary-cluster-'))
    const cluster = await layOutCluster({ directory, entry: builtEntry(), coordinators: 1 })
    const disk = join(directory, 'n2')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk])
    const healthz = () => fetch(`http://127.0.0.1:${cluster.httpPort('n2')}/healthz`)
    try {
      for (const each of cluster.processes) each.start()
      await cluster.untilWhole()
      const client = await connect({ servers: cluster.clientServers, timeoutMs: 20_000 })
      let count = 0
      for (; count < 500 && (await healthz()).status === 200; count++)
        await client.put(`key/${count}`, new Uint8Array(200_000).fill(count))
      const health = await healthz()
      expect(health.status).toBe(503)
      expect(await health.text()).toMatch(/log in .*n2.* cannot be written: ENOSPC/)
      await untilDropped(cluster, 'n2')
      expect(cluster.process('n2').log).toMatch(/ENOSPC.*the disk failed: leaving every chain/)
      expect((await cluster.serverStatus('n2'))?.storage).toContain('ENOSPC')
      await client.put('without n2', 'x')

      expect(await cluster.process('n2').stop()).toBe(0)
      expect(await refusalOf(cluster.process('n2'))).toMatch(/ENOSPC/)
      execFileSync('mount', ['-o', 'remount,size=200m', disk])
      cluster.process('n2').start()
      await cluster.untilWhole()
      expect((await healthz()).status).toBe(200)
      for (let n = 0; n < count; n++)
        expect((await client.get(`key/${n}`))?.value[0], `key/${n}`).toBe(n & 0xff)
      await client.close()
    } finally {
      await cluster.kill()
      execFileSync('umount', [disk])
      rmSync(directory, { recursive: true, force: true })
    }
  },
)
