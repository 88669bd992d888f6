import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, connect } from '../../client/index.ts'
import { openTcp } from '../../runtime/transport/tcp.ts'
import { FakeCluster, fakeChain, fakeMap } from '../support/fake-server.ts'
import { catenary, eachOf } from './run-catenary.ts'

const NAMES = ['n1', 'n2']
const closers: (() => unknown)[] = []
let servers = ''
let client: Client
let directory = ''

/** Fake servers, so that the commands are tested and not the cluster. Keys of the tests do not overlap. */
beforeAll(async () => {
  const cluster = new FakeCluster(fakeMap([fakeChain({ chain: 'c0', servers: NAMES })]))
  const addresses: Record<string, { host: string; port: number; zone: string }> = {}
  for (const self of NAMES) {
    const server = await cluster.listen(self, (events) =>
      openTcp({ self, cluster: 'catenary', host: '127.0.0.1', port: 0, events }),
    )
    closers.push(() => server.close())
    addresses[self] = { host: '127.0.0.1', port: server.address.port, zone: 'z' }
  }
  cluster.map = { ...cluster.map, addresses }
  servers = NAMES.map((name) => `127.0.0.1:${addresses[name]?.port}`).join(',')
  client = await connect({ servers: servers.split(',') })
  closers.unshift(() => client.close())
  directory = mkdtempSync(join(tmpdir(), 'catenary-cli-'))
  closers.push(() => rmSync(directory, { recursive: true }))
})

afterAll(async () => {
  for (const close of closers) await close()
})

const run = (args: string[], input?: string | Buffer) =>
  catenary(args, { env: { CATENARY_SERVERS: servers }, ...(input === undefined ? {} : { input }) })

/** Other people's work may slow each of the processes down. */
const SLOW = { timeout: 60_000 }

const json = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

test('put, get, delete', SLOW, async () => {
  expect(await run(['put', 'greeting', 'hello'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^stored, version \d+\n$/),
  })
  expect(await run(['get', 'greeting'])).toEqual({ status: 0, stdout: 'hello\n', stderr: '' })
  await client.put('greeting:2', '')
  const deleted = await run(['del', 'greeting', 'greeting:2'])
  expect(deleted).toMatchObject({ status: 0, stdout: 'deleted\tgreeting\ndeleted\tgreeting:2\n' })
  expect(await client.getMany(['greeting', 'greeting:2'])).toEqual([null, null])
})

test('a missing key: status 1, a line on standard error, and the others all the same', SLOW, async () => {
  await client.put('there', 'yes')
  const [gone, both] = await Promise.all([run(['get', 'gone']), run(['get', 'there', 'gone', '--json'])])
  expect(gone).toEqual({ status: 1, stdout: '', stderr: 'catenary: no such key: "gone"\n' })
  expect(both.status).toBe(1)
  expect(json(both.stdout)).toEqual([
    { key: 'there', value: 'yes', version: expect.any(Number), committed: true },
    { key: 'gone', value: null },
  ])
})

test('arguments are text, whatever they look like', SLOW, async () => {
  const pairs = [
    ['007', '1.50'],
    ['-k', '--v'],
    ['quoted', '"x"'],
    ['empty', ''],
  ]
  await eachOf(pairs, async (pair) => {
    expect(await run(['put', '--', ...pair])).toMatchObject({ status: 0 })
  })
  const keys = pairs.map(([key = '']) => key)
  const values = await client.getMany(keys)
  expect(values.map((value) => value?.text())).toEqual(pairs.map(([, value]) => value))
  const { stdout } = await run(['get', '007', 'empty', '--', 'quoted', '-k'])
  expect(stdout).toBe('007\t1.50\nempty\t\nquoted\t"x"\n-k\t--v\n')
})

test('bytes that are not text, from standard input', SLOW, async () => {
  const value = Buffer.from([0x61, 0x00, 0xff, 0x5c, 0x0a])
  await run(['put', 'bytes', '-'], value)
  const [text, asJson] = await Promise.all([run(['get', 'bytes']), run(['get', 'bytes', '--json'])])
  expect(text.stdout).toBe('a\\x00\\xff\\\\\\n\n')
  expect(json(asJson.stdout)).toMatchObject([{ key: 'bytes', valueBase64: value.toString('base64') }])
})

test('conditions that do not hold: status 1, and what was met', SLOW, async () => {
  await client.put('lock', 'me')
  const [absent, cas] = await Promise.all([
    run(['put', 'lock', 'you', '--if-absent']),
    run(['cas', 'lock', 'you', 'them', '--json']),
  ])
  expect(absent).toMatchObject({ status: 1, stderr: expect.stringContaining('value "me"') })
  expect(cas.status).toBe(1)
  expect(json(cas.stdout)).toMatchObject([{ applied: false, current: { key: 'lock', value: 'me' } }])
  const version = (await client.get('lock'))?.version
  expect((await run(['cas', 'lock', 'you', '--version', String(version)])).status).toBe(0)
  expect((await client.get('lock'))?.text()).toBe('you')
})

test('incr', SLOW, async () => {
  expect((await run(['incr', 'visits'])).stdout).toBe('1\n')
  expect((await run(['incr', 'visits', '-5'])).stdout).toBe('-4\n')
  await client.put('word', 'x')
  expect(await run(['incr', 'word'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('NOT_A_NUMBER'),
  })
})

test('import and export: what goes in comes out, expiry and odd bytes included', SLOW, async () => {
  const file = join(directory, 'in.ndjson')
  const records = [
    ...Array.from({ length: 600 }, (_, i) => ({ key: `im:${String(i).padStart(4, '0')}`, value: `v${i}` })),
    { key: 'im:a', value: 'ä\n', expiresAt: '2100-01-01T00:00:00.000Z' },
    { keyBase64: Buffer.from('im:\xff', 'latin1').toString('base64'), valueBase64: '/w==' },
  ]
  writeFileSync(file, records.map((record) => JSON.stringify(record)).join('\n'))
  expect(await run(['import', file])).toMatchObject({
    status: 0,
    stdout: '',
    stderr: expect.stringContaining('imported 602 records'),
  })
  const out = join(directory, 'out.ndjson')
  expect(await run(['export', out, '--prefix', 'im:'])).toMatchObject({ status: 0, stdout: '' })
  expect(json(readFileSync(out, 'utf8'))).toEqual(records)
  const again = await run(['export', out])
  expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('--overwrite') })
  const [piped, few] = await Promise.all([
    run(['export', '-', '--prefix', 'im:']),
    run(['scan', '--prefix', 'im:', '--limit', '2']),
  ])
  expect(json(piped.stdout)).toEqual(records)
  expect(few.stdout).toBe('im:0000\tv0\nim:0001\tv1\n')
})

test('import: a bad line stops it, with file, line and reason, and says where to go on', SLOW, async () => {
  const text = '{"key":"bad:1","value":"a"}\n\n{"key":"bad:2"}\n{"key":"bad:3","value":"c"}\n'
  const stopped = await run(['import', '-'], text)
  expect(stopped.status).toBe(1)
  expect(stopped.stderr).toContain('standard input:3: has neither "value" nor "valueBase64"')
  expect(stopped.stderr).toContain('go on with --from-line 3')
  expect((await client.getMany(['bad:1', 'bad:3'])).map((value) => value?.text())).toEqual(['a', undefined])
  const skipped = await run(['import', '-', '--skip-bad', '--from-line', '3'], text)
  expect(skipped).toMatchObject({ status: 0, stderr: expect.stringContaining('bad lines passed over: 1') })
  expect((await client.get('bad:3'))?.text()).toBe('c')
  const missing = await run(['import', join(directory, 'nope')])
  expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining('no such file') })
  expect(existsSync(join(directory, 'nope'))).toBe(false)
})

test('status: servers that say nothing of chains are shown, too', SLOW, async () => {
  const [text, asJson] = await Promise.all([run(['status']), run(['status', '--json'])])
  expect(text.status).toBe(0)
  expect(text.stdout).toMatch(/n1 .*in no chain/)
  const [status] = json(asJson.stdout)
  expect(status.servers.map((server: { server: string }) => server.server)).toEqual(NAMES)
})

test('watch shows what there is and what changes, and where to go on', SLOW, async () => {
  await client.put('feed:a', 'one')
  const first = await run(['watch', 'feed:', '--snapshot', '--limit', '1', '--json'])
  expect(json(first.stdout)).toEqual([
    { chain: 'c0', seq: expect.any(Number), key: 'feed:a', value: 'one', snapshot: true },
  ])
  const { seq } = json(first.stdout)[0] as { seq: number }
  await client.delete('feed:a')
  const rest = await run(['watch', 'feed:', '--from-seq', `c0=${seq}`, '--limit', '2'])
  expect(rest.stdout).toBe(`c0\t${seq}\tput\tfeed:a\tone\nc0\t${seq + 1}\tdelete\tfeed:a\n`)
  expect(rest.stderr).toBe(`to go on from here: --from-seq c0=${seq + 1}\n`)
  expect(await run(['watch', '--from-seq', 'x'])).toMatchObject({ status: 2 })
})
