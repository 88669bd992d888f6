import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'nats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openNats } from '../../../client/transport/nats.ts'
import { encodeBye, encodeMessage } from '../../../client/transport/nats-envelope.ts'
import { NatsInbox } from '../../../client/transport/nats-inbox.ts'
import { parseNatsUrl } from '../../../client/transport/nats-url.ts'
import { type NatsServer, startNatsServer } from '../../support/nats-server.ts'
import { Ear, numbered } from './fabrics.ts'

/** An inbox that writes down what it says. */
function listen(frameBytesMax = 1000) {
  const said: string[] = []
  const inbox = new NatsInbox(frameBytesMax, {
    onBody: (from, body) => said.push(`${from} body ${Buffer.from(body)}`),
    onUp: (from) => said.push(`${from} up`),
    onDown: (from, reason) => said.push(`${from} down: ${reason}`),
    onProtocolError: (reason) => said.push(`error: ${reason}`),
  })
  const take = () => said.splice(0)
  const accept = (...envelopes: (Uint8Array | undefined)[]) => {
    for (const envelope of envelopes) inbox.accept(envelope ?? new Uint8Array(), 0)
    return take()
  }
  return { inbox, accept, take }
}

const message = (from: string, life: number, id: number, text: string, payloadBytesMax = 1000) =>
  encodeMessage({ from, life, id }, Buffer.from(text), payloadBytesMax)

describe('NatsInbox', () => {
  test('a loss is told before what follows it; late and repeated messages are dropped', () => {
    const { accept } = listen()
    expect(accept(...message('a', 7, 0, 'x'), ...message('a', 7, 1, 'y'))).toEqual([
      'a up',
      'a body x',
      'a body y',
    ])
    expect(accept(...message('a', 7, 3, 'z'))).toEqual(['a down: messages were lost', 'a body z'])
    expect(accept(...message('a', 7, 2, 'late'), ...message('a', 7, 3, 'twice'))).toEqual([])
    expect(accept(...message('a', 8, 0, 'new'))).toEqual(['a down: it began anew', 'a body new'])
    expect(accept(...message('a', 7, 4, 'old life'))).toEqual([])
  })

  test('fragments of several senders may alternate; a missing one loses its message only', () => {
    const { accept } = listen()
    const a = message('a', 1, 0, 'abcdef', 30)
    const b = message('b', 1, 0, 'ghijkl', 30)
    expect(a.length).toBe(3)
    const mixed = a.flatMap((fragment, index) => [fragment, b[index]])
    expect(accept(...mixed)).toEqual(['a up', 'b up', 'a body abcdef', 'b body ghijkl'])
    const [first, , third] = message('a', 1, 1, 'mnopqr', 30)
    expect(accept(first, third)).toEqual([])
    expect(accept(...message('a', 1, 2, 'next'))).toEqual(['a down: messages were lost', 'a body next'])
  })

  test('a message above the limit is given up while it grows', () => {
    const { accept } = listen(10)
    const said = accept(...message('a', 1, 0, 'x'.repeat(50), 31), ...message('a', 1, 1, 'ok'))
    expect(said).toEqual(['a up', 'a down: a message was too large', 'a up', 'a body ok'])
  })

  test('half a message is given up when its rest does not come', () => {
    const { inbox, accept, take } = listen()
    expect(accept(message('a', 1, 0, 'abcdef', 30)[0])).toEqual(['a up'])
    inbox.sweep(29_000)
    expect(take()).toEqual([])
    inbox.sweep(31_000)
    expect(take()).toEqual(['a down: the rest of a message did not come'])
  })

  test('after a break of our own the first message of any number is no second loss', () => {
    const { inbox, accept } = listen()
    accept(...message('a', 1, 0, 'x'))
    expect(inbox.interrupt()).toEqual(['a'])
    expect(accept(...message('a', 1, 5, 'y'))).toEqual(['a up', 'a body y'])
    expect(accept(encodeBye({ from: 'a', life: 1, id: 6 }))).toEqual(['a down: it has left'])
  })

  test('noise is reported and harms nobody', () => {
    const { accept } = listen()
    const [good = new Uint8Array()] = message('a', 1, 0, 'x')
    for (let bytes = 0; bytes < 28; bytes++) {
      expect(accept(good.subarray(0, bytes))).toEqual([expect.stringMatching(/^error/)])
    }
    expect(accept(good.with(0, 9))).toEqual([expect.stringMatching(/^error/)])
    expect(accept(message('a.b', 1, 0, 'x')[0])).toEqual(['error: bad sender "a.b"'])
    expect(accept(good)).toEqual(['a up', 'a body x'])
  })
})

test('urls', () => {
  expect(parseNatsUrl('nats://h')).toEqual({ servers: ['h:4222'] })
  expect(parseNatsUrl('nats://u:p%40@h:1,[::1]:2')).toEqual({
    servers: ['h:1', '[::1]:2'],
    user: 'u',
    password: 'p@',
  })
  expect(parseNatsUrl('nats://secret@h:1')).toEqual({ servers: ['h:1'], token: 'secret' })
  expect(parseNatsUrl('nats://h?user=u&password=/p&ca=/c&tls=true')).toEqual({
    servers: ['h:4222'],
    user: 'u',
    tls: true,
    files: { password: '/p', ca: '/c' },
  })
  expect(() => parseNatsUrl('nats://h?pass=x')).toThrow(/has no option "pass"/)
  expect(() => parseNatsUrl('nats://h?cert=/c')).toThrow(/needs its key/)
  expect(() => parseNatsUrl('nats://u:secret@a b')).not.toThrow(/secret/)
  for (const bad of ['nats://', 'nats://h:99999', 'http://h', 'nats://h:1,,h:2', 'nats://a b']) {
    expect(() => parseNatsUrl(bad), bad).toThrow(/use nats:\/\/host:port/)
  }
})

describe('with a broker of small payloads', () => {
  let broker: NatsServer
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'catenary-nats-'))
    await writeFile(join(folder, 'nats.conf'), 'max_payload: 2048\nmax_pending: 33554432\n')
    broker = await startNatsServer({ args: ['-c', join(folder, 'nats.conf')] })
  })
  afterAll(async () => {
    await broker?.dispose()
    await rm(folder, { recursive: true, force: true })
  })
  const openNode = (self: string, ear: Ear, cluster: string) =>
    openNats({ url: broker.url, self, cluster, events: ear })

  test('long bodies are cut to what the broker carries', async () => {
    const ear = new Ear()
    const nodes = [await openNode('n1', new Ear(), 'cut'), await openNode('n2', ear, 'cut')]
    const body = new Uint8Array(1_000_000).map((_, n) => n * 13)
    nodes[0]?.send('n2', body)
    await ear.until('the body', () => ear.bodies.length === 1)
    expect(Buffer.compare(ear.bodies[0]?.body ?? new Uint8Array(), body)).toBe(0)
    await Promise.all(nodes.map((node) => node.close()))
  })

  test('one message reaches all who have joined a group, and its sender not', async () => {
    const ears = [new Ear(), new Ear(), new Ear()] as const
    const nodes = await Promise.all(ears.map((ear, i) => openNode(`n${i + 1}`, ear, 'group')))
    const [n1, n2, n3] = nodes
    for (const node of nodes) node.groups?.join('c0')
    // What goes to a node afterwards says that its subscription has come.
    for (const node of [n2, n3]) node?.send('n1', numbered(0))
    await ears[0].until('both are there', () => ears[0].bodies.length === 2)
    const body = new Uint8Array(100_000).map((_, n) => n * 7)
    expect(n1?.groups?.send('c0', body)).toBe(true)
    expect(n1?.groups?.send('c1', body)).toBe(true) // nobody hears it
    for (const ear of [ears[1], ears[2]]) {
      await ear.until('the body', () => ear.bodies.length === 1)
      expect(Buffer.compare(ear.bodies[0]?.body ?? new Uint8Array(), body)).toBe(0)
      expect(ear.bodies[0]?.from).toBe('n1')
      expect(ear.downs).toEqual([])
    }
    expect(ears[0].bodies).toHaveLength(2)
    await Promise.all(nodes.map((node) => node.close()))
  })

  test('a peer that is not there is reported, because the broker says so', async () => {
    const ear = new Ear()
    const n1 = await openNode('n1', ear, 'alone')
    expect(n1.send('n2', numbered(1))).toBe(true)
    await ear.until('the report', () => ear.downs.length > 0)
    expect(ear.downs).toEqual([{ peer: 'n2', reason: 'nobody listens on its subject' }])
    expect(n1.send('not.a.name', numbered(1))).toBe(false)
    await n1.close()
  })

  test('noise on our subject is reported once, and the next body arrives', async () => {
    const ear = new Ear()
    const n1 = await openNode('n1', ear, 'noise')
    const n2 = await openNode('n2', new Ear(), 'noise')
    const stranger = await connect({ servers: broker.url })
    for (let n = 0; n < 100; n++) stranger.publish('catenary.noise.node.n1', numbered(n))
    await stranger.flush()
    n2.send('n1', numbered(1))
    await ear.until('the body', () => ear.bodies.length === 1)
    expect(ear.errors.length).toBe(1)
    await Promise.all([stranger.close(), n1.close(), n2.close()])
  })

  test('while the broker is away, each peer is reported down, and close does not hang', async () => {
    const ear = new Ear()
    const n1 = await openNode('n1', ear, 'away')
    const n2 = await openNode('n2', new Ear(), 'away')
    n1.send('n2', numbered(0))
    await broker.stop()
    await ear.until('the broker is missed', () => ear.downs.length === 1)
    n1.send('n2', numbered(1))
    await ear.until('what is sent is reported lost', () => ear.downs.length === 2)
    await Promise.all([n1.close(), n2.close()])
    await broker.start()
  })
})

test('no broker: a clear refusal', async () => {
  const events = new Ear()
  const opened = openNats({ url: 'nats://127.0.0.1:1', self: 'n1', cluster: 'none', events })
  await expect(opened).rejects.toThrow(/no broker .*is it running/)
})
