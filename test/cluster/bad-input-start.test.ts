/** What is refused at the start: ports and directories of others. One line, and a status that tells. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../runtime/processes/free-ports.ts'
import { catenary } from '../cli/run-catenary.ts'
import { startTestCluster, type TestCluster } from '../support/cluster.ts'

const root = mkdtempSync(join(tmpdir(), 'catenary-start-'))
let count = 0
const freshDirectory = () => join(root, `fresh-${++count}`)
const COORDINATOR = 'coordinator-1=127.0.0.1:1:2'

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('ports and directories', () => {
  let world: TestCluster
  let taken: Server
  let takenPort = 0

  beforeAll(async () => {
    world = await startTestCluster({ coordinators: 1, servers: 2, replication: 2 })
    taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    takenPort = (taken.address() as { port: number }).port
  })
  afterAll(async () => {
    taken.close()
    await world.close({ failed: false })
  })

  const start = (args: Record<string, string>, command = 'server', ...flags: string[]) =>
    catenary([command, ...Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]), ...flags])
  const serverArgs = (more: Record<string, string>) => ({
    ...{ id: 'n9', data: freshDirectory(), port: '0', 'http-port': '0' },
    ...{ coordinator: world.cluster.coordinatorAddresses.join(','), ...more },
  })

  test('a port in use: status 1, and one line that names it', async () => {
    const [free = 0, another = 0] = await freePorts(2)
    const member = (ports: string) => ({
      ...{ id: 'coordinator-1', data: freshDirectory(), 'http-port': '0' },
      members: `coordinator-1=127.0.0.1:${ports}`,
    })
    const attempts = [
      () => start(serverArgs({ port: `${takenPort}` })),
      () => start(serverArgs({ 'http-port': `${takenPort}` })),
      () => start(member(`${takenPort}:${free}`), 'coordinator'),
      () => start(member(`${free}:${takenPort}`), 'coordinator'),
      () => start({ ...member(`${free}:${another}`), 'http-port': `${takenPort}` }, 'coordinator'),
    ]
    for (const attempt of attempts) {
      const { status, stderr } = await attempt()
      expect(stderr).toMatch(new RegExp(`^catenary: port ${takenPort} of 127\\.0\\.0\\.1 is in use: .*\n$`))
      expect(status).toBe(1)
    }
    expect(await world.cluster.isWhole(2)).toBe(true)
  })

  test('an address that is not of this machine', async () => {
    const members = 'coordinator-1=192.0.2.1:1:2'
    const { status, stderr } = await start(
      { id: 'coordinator-1', data: freshDirectory(), members },
      'coordinator',
      '--insecure',
    )
    expect(stderr).toMatch(/^catenary: .*192\.0\.2\.1.*\n$/)
    expect(status).toBe(1)
  })

  test('an address that others reach, where nobody has to prove who he is', async () => {
    const { status, stderr } = await start(serverArgs({ host: '192.0.2.1' }))
    expect(stderr).toMatch(/^--host 192\.0\.2\.1: .*--secret-file FILE.*--insecure/)
    expect(status).toBe(2)
  })

  test('a directory of somebody else', async () => {
    const { directory } = world.cluster.options
    expect(await world.cluster.process('n2').stop()).toBe(0)
    const elsewhere = freshDirectory()
    cpSync(join(directory, 'n2'), elsewhere, { recursive: true })
    const identity = JSON.parse(readFileSync(join(elsewhere, 'identity.json'), 'utf8')) as object
    writeFileSync(join(elsewhere, 'identity.json'), JSON.stringify({ ...identity, clusterId: 'another one' }))
    const foreign = freshDirectory()
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'thesis.txt'), 'all but finished')
    const file = join(foreign, 'thesis.txt')
    const damaged = freshDirectory()
    mkdirSync(damaged)
    writeFileSync(join(damaged, 'identity.json'), '{"format":1,')
    const attempts: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ id: 'n1', data: join(directory, 'n1') }, /n1 is in use by process \d+\. Stop that process/],
      [{ id: 'n9', data: join(directory, 'n2') }, /n2 belongs to server "n2", not to server "n9"/],
      [
        { id: 'n2', data: elsewhere },
        /holds data of cluster "another one", but the coordinator serves cluster ".*empty/,
      ],
      [{ data: join(directory, 'coordinator-1') }, /coordinator-1 is in use by process \d+/],
      [{ data: foreign }, /is not empty \(thesis\.txt\).*Use an empty directory/],
      [{ data: file }, /thesis\.txt" cannot be used: .*Name a directory/],
      [{ data: join(file, 'below') }, /below" cannot be used: ENOTDIR.*Name a directory/],
      [{ data: '' }, /data directory "" cannot be used/],
      [{ data: damaged }, /identity\.json cannot be read.*move the directory away/],
    ]
    for (const [args, sense] of attempts) {
      const { status, stderr } = await start(serverArgs(args))
      expect(stderr).toMatch(sense)
      expect(stderr.trimEnd().split('\n')).toHaveLength(1)
      expect(status).toBe(1)
    }
    const asCoordinator = { id: 'coordinator-1', data: join(directory, 'n2'), members: COORDINATOR }
    const kind = await start(asCoordinator, 'coordinator')
    expect(kind.stderr).toMatch(/n2 belongs to server "n2", not to coordinator "coordinator-1"/)
    expect(kind.status).toBe(1)
    world.cluster.process('n2').start()
    await world.cluster.untilWhole({ members: 2 })
  })
})
