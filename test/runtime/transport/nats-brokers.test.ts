/** The transport over brokers as people run them: with credentials, TLS, leaf nodes, clusters, slow consumers and bad networks. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { openNats } from '../../../client/transport/nats.ts'
import { freePorts } from '../../../runtime/processes/free-ports.ts'
import { makeCertificates, makeNkey, makeOperator } from '../../support/nats-credentials.ts'
import { startNatsProxy } from '../../support/nats-proxy.ts'
import { startNatsServer } from '../../support/nats-server.ts'
import { Ear, numbered, numberOf } from './fabrics.ts'

const folder = mkdtempSync(join(tmpdir(), 'catenary-nats-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function fileOf(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

async function broker(name: string, config: string, args: readonly string[] = []) {
  const server = await startNatsServer({ args: ['-c', fileOf(`${name}.conf`, config), ...args] })
  onTestFinished(() => server.dispose())
  return server
}

async function openNode(url: string, self: string, events = new Ear()) {
  const transport = await openNats({ url, self, cluster: 'test', events })
  onTestFinished(() => transport.close() as Promise<void>)
  return { transport, ear: events, url }
}

/** A body from one node to the other, and one back. */
async function talk(
  one: Awaited<ReturnType<typeof openNode>>,
  other: Awaited<ReturnType<typeof openNode>>,
): Promise<void> {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const had = to.ear.bodies.length
    // A subscription takes a moment to reach the other brokers; until then nobody listens, and the transport says so.
    const again = setInterval(() => from.transport.send(to.transport.self, numbered(1)), 50)
    await to.ear.until('a body', () => to.ear.bodies.length > had).finally(() => clearInterval(again))
  }
}

describe('who we are to a broker', () => {
  const secret = 'tell-nobody'
  const nkey = makeNkey()
  const operator = makeOperator()
  const cases = [
    [
      'a user and the file of a password',
      `authorization { user: u, password: ${secret} }`,
      () => `user=u&password=${fileOf('password', `${secret}\n`)}`,
    ],
    ['the file of a token', `authorization { token: ${secret} }`, () => `token=${fileOf('token', secret)}`],
    [
      'the file of an nkey',
      `authorization { users: [{ nkey: ${nkey.publicKey} }] }`,
      () => `nkey=${fileOf('nkey', nkey.seed)}`,
    ],
    ['a file of credentials', operator.config, () => `creds=${fileOf('user.creds', operator.creds)}`],
  ] as const

  test.each(cases)('%s', async (name, config, query) => {
    const server = await broker(name.replaceAll(' ', '-'), config)
    const url = `${server.url}?${query()}`
    await talk(await openNode(url, 'n1'), await openNode(url, 'n2'))
    const refused = await openNode(server.url, 'n3').then(
      () => null,
      (error: Error) => error,
    )
    expect(refused).toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringMatching(/does it admit us/),
    })
    const wrong = server.url.replace('//', `//u:${secret}x@`)
    const error = await openNode(wrong, 'n4').then(
      () => null,
      (reason: Error) => reason,
    )
    expect(error?.message).not.toContain(secret)
  })

  test('a file that is not there, and several identities at once', async () => {
    await expect(openNode('nats://127.0.0.1:1?creds=/no/such/file', 'n1')).rejects.toThrow(/ENOENT.*no\/such/)
    await expect(openNode('nats://token@127.0.0.1:1?user=u', 'n1')).rejects.toThrow(/be one/)
  })
})

test('TLS: the broker’s certificate is checked, ours is shown, and without TLS nothing is said', async () => {
  const { folder: made, ca, cert, key } = makeCertificates()
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  const tls = `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true }`
  const server = await broker('tls', tls)
  const url = `${server.url}?ca=${ca}&cert=${cert}&key=${key}`
  await talk(await openNode(url, 'n1'), await openNode(url, 'n2'))
  await expect(openNode(`${server.url}?ca=${ca}`, 'n3')).rejects.toThrow(/does it admit us/)
  await expect(openNode(`${server.url}?tls=true`, 'n4')).rejects.toThrow(/certificate/)
  const open = await broker('open', '')
  await expect(openNode(`${open.url}?ca=${ca}`, 'n5')).rejects.toThrow(/offers no TLS/)
})

test('a leaf node and its hub are one fabric', async () => {
  const [leafPort = 0] = await freePorts(1)
  const hub = await broker('hub', `leafnodes { listen: "127.0.0.1:${leafPort}" }`)
  const leaf = await broker(
    'leaf',
    `leafnodes { remotes: [{ url: "nats://127.0.0.1:${leafPort}" }], reconnect: 1 }`,
  )
  const [here, there] = [await openNode(hub.url, 'n1'), await openNode(leaf.url, 'n2')]
  await talk(here, there)
  const nobody = here.ear.downs.length
  here.transport.send('n9', numbered(1))
  await here.ear.until('nobody is there', () => here.ear.downs.length > nobody)
  await hub.restart()
  await talk(here, there)
})

test('a cluster of three brokers: the one that a node uses dies, and the node goes on at another', async () => {
  const ports = await freePorts(3)
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(',')
  const brokers = await Promise.all(
    ports.map((port, i) =>
      broker(`b${i}`, '', [
        '--cluster_name',
        'x',
        '--cluster',
        `nats://127.0.0.1:${port}`,
        '--routes',
        routes,
      ]),
    ),
  )
  const [first, second] = brokers
  if (first === undefined || second === undefined) throw new Error('there are three')
  // Each knows one broker, and learns of the others from it.
  const [one, other] = [await openNode(first.url, 'n1'), await openNode(second.url, 'n2')]
  await talk(one, other)
  await first.stop()
  await one.ear.until('the broker is missed', () => one.ear.downs.length > 0)
  await talk(one, other)
})

test('a slow consumer is cut off by the broker, hears of the gap before what follows it, and goes on', async () => {
  const server = await broker('slow', 'max_pending: 1048576\nwrite_deadline: "500ms"')
  const proxy = await startNatsProxy(server.url)
  onTestFinished(() => proxy.close())
  const [fast, slow] = [await openNode(server.url, 'n1'), await openNode(proxy.url, 'n2')]
  await talk(fast, slow)
  const had = slow.ear.bodies.length
  proxy.deaf = true
  const body = new Uint8Array(512 * 1024)
  for (let n = 0; n < 64; n++) {
    const numberedBody = body.slice()
    numberedBody.set(numbered(n))
    fast.transport.send('n2', numberedBody)
    fast.transport.flush()
    await new Promise((resolve) => setImmediate(resolve))
  }
  // The broker has forgotten it, and says to whoever sends that nobody listens.
  const again = setInterval(() => fast.transport.send('n2', numbered(1)), 50)
  await fast.ear
    .until('the broker has had enough', () => fast.ear.downs.length > 0)
    .finally(() => clearInterval(again))
  expect(slow.ear.downs).toEqual([])
  proxy.deaf = false
  await slow.ear.until('the gap is told of', () => slow.ear.downs.length > 0)
  await talk(fast, slow)
  const heard = slow.ear.bodies.slice(had).filter(({ body }) => body.length > 4)
  const numbers = heard.map((item) => numberOf(item.body))
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  expect(new Set(numbers).size).toBe(numbers.length)
})

test('a network that loses and delays: what arrives is in order, once, and every gap is told of first', async () => {
  let state = 7
  const draw = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
  const server = await broker('lossy', '')
  const proxy = await startNatsProxy(server.url, draw)
  onTestFinished(() => proxy.close())
  const story: (number | 'gap')[] = []
  const ear = new Ear()
  const events = {
    onBody: (from: string, body: Uint8Array) => {
      story.push(numberOf(body))
      ear.onBody(from, body)
    },
    onDown: (peer: string, reason: string) => {
      story.push('gap')
      ear.onDown(peer, reason)
    },
  }
  const { transport } = await openNode(server.url, 'n1')
  const receiver = await openNats({ url: proxy.url, self: 'n2', cluster: 'test', events })
  onTestFinished(() => receiver.close() as Promise<void>)
  proxy.loss = 0.05
  proxy.delayMs = 5
  for (let n = 0; n < 500; n++) {
    transport.send('n2', numbered(n))
    transport.flush()
    if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const flush = setInterval(() => transport.send('n2', numbered(500)), 20)
  await ear.until('the end', () => story.includes(500)).finally(() => clearInterval(flush))
  const numbers = story.filter((item) => item !== 'gap')
  expect(proxy.lost).toBeGreaterThan(5)
  expect(numbers.length).toBeGreaterThan(400)
  let [last, told] = [-1, false]
  for (const item of story) {
    if (item === 'gap') told = true
    else if (item === 500) break
    else {
      expect(item).toBeGreaterThan(last)
      if (item !== last + 1) expect(told).toBe(true)
      ;[last, told] = [item, false]
    }
  }
})
