import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Ensemble, eventually } from './ensemble.ts'
import type { RawClient } from './raw-client.ts'

let ensemble: Ensemble
let client: RawClient

beforeAll(async () => {
  ensemble = await Ensemble.start(1, { fourLetterWords: ['*'], maxClientConnections: 20 })
  client = await ensemble.connect(1, { timeoutMs: 5_000 })
  await client.create('/a', 'hello')
  await client.create('/a/mine', '', 1)
  await client.getReply('/a', true)
  await client.children('/a', true)
  await client.request<'addWatch'>({ type: 'addWatch', path: '/a', mode: 1 })
})
afterAll(() => ensemble.stop())

async function ask(word: string | Uint8Array): Promise<string> {
  const { host, port } = ensemble.addressOf(1)
  const answer = await new Promise<string>((resolve) => {
    const said: Buffer[] = []
    const socket = connect(port, host, () => socket.write(word))
    socket.on('data', (chunk) => said.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(said).toString('latin1')))
  })
  // The member hears of the end of this connection a moment after we do, and the next answer counts connections.
  await eventually('only the client is left', () => ensemble.at(1).status().connections <= 1)
  return answer
}

const session = () => `0x${BigInt.asUintN(64, client.session.id).toString(16)}`
const ADDRESS = String.raw`/(?:\d{1,3}\.){3}\d{1,3}:\d+`

describe('as clients parse them', () => {
  // The expressions of go-zk's flw.go.
  test('srvr', async () => {
    const version = String.raw`^Zookeeper version: ([A-Za-z0-9.\-]+), built on (\d\d/\d\d/\d\d\d\d \d\d:\d\d [A-Za-z0-9:+\-]+)`
    const latency = String.raw`^Latency min/avg/max: (\d+)/([0-9.]+)/(\d+)`
    const net = String.raw`^Received: (\d+).*\n^Sent: (\d+).*\n^Connections: (\d+).*\n^Outstanding: (\d+)`
    const state = String.raw`^Zxid: (0x[A-Za-z0-9]+).*\n^Mode: (\w+).*\n^Node count: (\d+)`
    const told = await ask('srvr')
    const parsed = new RegExp(`${version}.*\n${latency}.*\n${net}.*\n${state}`, 'm').exec(told)
    expect(parsed?.slice(8, 10)).toEqual(['2', '0']) // connections, with this one; outstanding
    expect(parsed?.slice(11)).toEqual(['standalone', '6'])
    expect(told.endsWith('\nNode count: 6\n')).toBe(true)
  })

  test('cons', async () => {
    const packets = String.raw`\(queued=(\d+),recved=(\d+),sent=(\d+),sid=(0x[A-Za-z0-9]+),lop=(\w+),est=(\d+),to=(\d+),`
    const rest = String.raw`lcxid=(0x[A-Za-z0-9]+),lzxid=(0x[A-Za-z0-9]+),lresp=(\d+),llat=(\d+),minlat=(\d+),avglat=(\d+),maxlat=(\d+)\)`
    const told = await ask('cons')
    const parsed = new RegExp(`^ ${ADDRESS}\\[\\d+\\]${packets}${rest}$`, 'm').exec(told)
    expect(parsed?.slice(1, 6)).toEqual(['0', '6', '6', session(), 'ADDW'])
    expect(parsed?.[7]).toBe('5000')
    expect(Math.abs(Date.now() - Number(parsed?.[6]))).toBeLessThan(60_000)
    expect(told).toMatch(new RegExp(`^ ${ADDRESS}\\[[01]\\]\\(queued=0,recved=1,sent=0\\)$`, 'm')) // itself
    expect(told.endsWith(')\n\n')).toBe(true)
  })

  test('stat', async () => {
    const told = await ask('stat\n')
    expect(told).toMatch(
      new RegExp(`^Zookeeper version: [^\n]+\nClients:\n(?: ${ADDRESS}\\[[01]\\]\\([^)]+\\)\n){2}\nLatency `),
    )
  })

  // kazoo's client.server_version() looks for this line.
  test('envi', async () => {
    expect(await ask('envi')).toMatch(
      /^Environment:\nzookeeper\.version=3\.8\.0-catenary, built on [^\n]+\nhost\.name=/,
    )
  })

  test('those without an end of line', async () => {
    expect(await ask('ruok')).toBe('imok')
    expect(await ask('isro\n')).toBe('rw')
  })
})

test('mntr: names, tabs and numbers', async () => {
  const told = await ask('mntr')
  for (const line of told.trimEnd().split('\n')) expect(line).toMatch(/^zk_\w+\t.+$/)
  const values = new Map(told.split('\n').map((line) => line.split('\t') as [string, string]))
  expect(values.get('zk_server_state')).toBe('standalone')
  expect(values.get('zk_znode_count')).toBe('6')
  expect(values.get('zk_watch_count')).toBe('2')
  expect(values.get('zk_ephemerals_count')).toBe('1')
  expect(values.get('zk_global_sessions')).toBe('1')
  expect(values.get('zk_cnt_create_latency')).toBe('2')
})

test('watches, sessions and connections', async () => {
  expect(await ask('wchs')).toBe('1 connections watching 1 paths\nTotal watches:2\n')
  expect(await ask('wchc')).toBe(`${session()}\n\t/a\n`)
  expect(await ask('wchp')).toBe(`/a\n\t${session()}\n`)
  const dump = await ask('dump')
  expect(dump).toContain(`${session()}\t5000ms\nephemeral nodes dump:\nSessions with Ephemerals (1):\n`)
  expect(dump).toContain(`${session()}:\n\t/a/mine\nConnections dump:\n`)
})

test('conf and dirs', async () => {
  const { port } = ensemble.addressOf(1)
  const conf = await ask('conf')
  expect(conf).toMatch(new RegExp(`^clientPort=${port}\ndataDir=`))
  for (const line of [
    'tickTime=500',
    'maxClientCnxns=20',
    'minSessionTimeout=1000',
    'maxSessionTimeout=10000',
    'serverId=1',
  ])
    expect(conf.split('\n')).toContain(line)
  expect(await ask('dirs')).toMatch(/^datadir_size: \d+\nlogdir_size: [1-9]\d*\n$/)
})

test('the trace mask', async () => {
  expect(await ask('gtmk')).toBe('306')
  expect(await ask(Buffer.from([...Buffer.from('stmk'), 0, 0, 0, 0, 0, 0, 1, 0x32]))).toBe('306')
  expect(await ask(Buffer.from([...Buffer.from('stmk'), 0, 0, 0, 0, 0, 0, 0, 2]))).toBe('2')
  expect(await ask('gtmk')).toBe('2')
})

test('the counters begin anew', async () => {
  expect(await ask('srst')).toBe('Server stats reset.\n')
  expect(await ask('crst')).toBe('Connection stats reset.\n')
  await client.ping()
  const cons = await ask('cons')
  expect(cons).toMatch(new RegExp(`queued=0,recved=1,sent=1,sid=${session()},lop=PING`))
  expect(await ask('srvr')).toMatch(/\nReceived: [1-5]\n/)
})

test('the same numbers in the status', async () => {
  await client.set('/a', 'again')
  const status = ensemble.at(1).status()
  expect(status).toMatchObject({ znodes: 6, ephemerals: 1, elections: 1, outstanding: 0, connections: 1 })
  expect(status.dataBytes).toBeGreaterThan(20)
  expect(status.latency).toMatchObject({ setData: { count: 1 } })
  const { p50Ms, p99Ms, maxMs } = status.latency['setData'] ?? { p50Ms: 0, p99Ms: 0, maxMs: 0 }
  expect(p50Ms > 0 && p50Ms <= p99Ms && p99Ms <= maxMs).toBe(true)
})

test('only what the whitelist names is answered', async () => {
  await ensemble.down(1)
  await ensemble.up(1, { fourLetterWords: ['srvr', 'isro'] })
  await ensemble.leader()
  expect(await ask('srvr')).toMatch(/^Zookeeper version/)
  expect(await ask('isro')).toBe('rw')
  for (const word of ['ruok', 'mntr', 'wchc', 'gtmk', 'lead'])
    expect(await ask(word)).toBe(`${word} is not executed because it is not in the whitelist.\n`)
  expect(await ask('abcd')).toBe('')
})
