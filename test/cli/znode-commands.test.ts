import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aclText, toAcl } from '../../cli/acl-text.ts'
import { branchText } from '../../cli/commands/znode/tree.ts'
import { type CoordinatorClient, coordinator } from '../../client/coordinator/client.ts'
import type { Stat } from '../../protocol/zookeeper/records.ts'
import { Ensemble, eventually } from '../runtime/coordinator/ensemble.ts'
import { catenary } from './run-catenary.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

describe('as text', () => {
  test('ACLs, whose ids may have colons', () => {
    const text = 'world:anyone:cdrwa,digest:ann:aGFzaA==:rw,ip:10.0.0.0/8:r,auth::a'
    expect(aclText(toAcl(text))).toBe(text)
    expect(toAcl('world:anyone:r')).toEqual([{ perms: 1, id: { scheme: 'world', id: 'anyone' } }])
  })

  test.each(['world', 'world:anyone', ':anyone:r', 'world:anyone:rx', 'world:anyone:', ''])(
    'what is no ACL: %j',
    (text) => {
      expect(() => toAcl(text)).toThrow(/^ACL/)
    },
  )

  test('branches of a tree, cut to a width, with ephemerals marked and control characters escaped', () => {
    const znode = (data: string, owner = 0n) => ({
      data: new TextEncoder().encode(data),
      stat: { ephemeralOwner: owner } as Stat,
    })
    const text = (path: string, last: boolean[], data: string, owner = 0n) =>
      branchText({ path, last, znode: znode(data, owner) }, 10)
    expect(text('/a', [], '')).toBe('/a')
    expect(text('/a/b', [false], 'short')).toBe('├─ b  short')
    expect(text('/a/b/c', [false, true], '0123456789x', 7n)).toBe('│  └─ c*  0123456...')
    expect(text('/a/d/e', [true, false], '\u001b[2J')).toBe('   ├─ e  \\x1b[2J')
  })
})

describe('against an ensemble', () => {
  let ensemble: Ensemble
  let client: CoordinatorClient
  let where: string[]
  beforeAll(async () => {
    ensemble = await Ensemble.start(1)
    const { host, port } = ensemble.addressOf(1)
    where = ['--coordinator', `${host}:${port}`, '--timeout', '20s']
    client = coordinator({ servers: `${host}:${port}` })
    await client.ensurePath('/shell/b')
    await client.create('/shell/a', 'first')
    await client.create('/shell/a/here', 'me', { ephemeral: true })
  })
  afterAll(async () => {
    await client?.close()
    await ensemble?.stop()
  })

  const run = async (...args: string[]) => {
    const { status, stdout, stderr } = await catenary(['znode', ...args, ...where])
    return { status, lines: stdout.trimEnd().split('\n'), stderr }
  }

  test('tree and ls -R', async () => {
    const [tree, shallow, list] = await Promise.all([
      run('tree', '/shell'),
      run('tree', '/shell', '--depth', '1', '--width', '0'),
      run('ls', '/shell', '-R'),
    ])
    expect(tree.lines).toEqual(['/shell', '├─ a  first', '│  └─ here*  me', '└─ b'])
    expect(shallow.lines).toEqual(['/shell', '├─ a', '└─ b'])
    expect(list.lines).toEqual(['/shell/a', '/shell/a/here', '/shell/b'])
  })

  test('acl: who may do what, by name', async () => {
    const ann = ['--auth', 'digest:ann:secret']
    expect((await run('acl', '/shell/b')).lines).toEqual(['world:anyone:cdrwa'])
    const changed = await run('acl', '/shell/b', 'world:anyone:r,auth::cdrwa', ...ann)
    expect(changed.lines[0]).toMatch(/^world:anyone:r,digest:ann:.+:cdrwa$/)
    const refused = await run('set', '/shell/b', 'x')
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toContain('--auth says who you are')
    expect((await run('set', '/shell/b', 'x', ...ann)).status).toBe(0)
  })

  test('watch --recursive tells of everything below, in order', async () => {
    const child = spawn(process.execPath, [
      MAIN,
      'znode',
      'watch',
      '/shell',
      '--recursive',
      '--json',
      ...where,
    ])
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    const events = () =>
      output
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { type: string; path: string; data?: string })
    // It says nothing until something happens.
    await eventually('it watches', async () => {
      await client.setData('/shell/a', 'knock')
      return events().length > 0
    })
    await client.create('/shell/a/deep', null)
    await client.create('/shell/a/deep/er', 'd')
    await client.delete('/shell/a/deep/er')
    const told = () => events().filter(({ path }) => path.startsWith('/shell/a/deep'))
    await eventually('all is told', () => told().length === 3)
    expect(told().map(({ type, path }) => `${type} ${path}`)).toEqual([
      'created /shell/a/deep',
      'created /shell/a/deep/er',
      'deleted /shell/a/deep/er',
    ])
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGINT')
    await ended
  })
})
