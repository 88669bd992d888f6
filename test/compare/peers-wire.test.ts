import { createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Connection } from '../../lab/load/peers/connection.ts'
import { EtcdSpeaker } from '../../lab/load/peers/etcd-speaker.ts'
import { JetStreamSpeaker, tokenOf } from '../../lab/load/peers/jetstream-speaker.ts'
import { OutBuffer } from '../../lab/load/peers/out-buffer.ts'
import { openPeerTarget, roundRobin } from '../../lab/load/peers/peer-target.ts'
import { RedisSpeaker } from '../../lab/load/peers/redis-speaker.ts'
import type { Speaker, SpeakerFactory, Waiting, Wire, WireOperation } from '../../lab/load/peers/speaker.ts'
import { pathOf, ZooKeeperSpeaker } from '../../lab/load/peers/zookeeper-speaker.ts'
import { bytes, submitOne } from './peer-kit.ts'

/** A speaker without a socket: what it answered, and what it wrote. */
function world(factory: SpeakerFactory) {
  const out = new OutBuffer()
  const answers: string[] = []
  let failure: string | null = null
  let isReady = false
  const wire: Wire = {
    out,
    ready: () => {
      isReady = true
    },
    wantsFlush: () => {},
    fail: (error) => {
      failure = error
    },
  }
  const speaker = factory(wire)
  const waiting = (operation: WireOperation): Waiting => {
    let value: string | null = null
    return {
      operation,
      onValue: (found) => {
        value = found === null ? null : Buffer.from(found).toString('latin1')
      },
      done: (error) => answers.push(error ?? String(value)),
      beganTick: 0,
    }
  }
  return {
    speaker,
    answers,
    submit: (operation: WireOperation) => speaker.submit(waiting(operation)),
    written: () => Buffer.from(out.take()),
    feed: (chunk: Buffer) => feedSlowly(speaker, chunk),
    isReady: () => isReady,
    failure: () => failure,
  }
}

/** One byte at a time: nothing may count on where chunks end. */
function feedSlowly(speaker: Speaker, chunk: Buffer): void {
  for (let i = 0; i < chunk.length; i++) speaker.onBytes(chunk.subarray(i, i + 1))
}

const read = (key: string) => ({ type: 'read', key }) as const
const update = (key: string, value: string) => ({ type: 'update', key, value: bytes(value) }) as const

describe('redis', () => {
  test('replies in pieces, in order', () => {
    const it = world((wire) => new RedisSpeaker(wire, 0))
    it.feed(Buffer.from('+PONG\r\n'))
    expect(it.isReady()).toBe(true)
    it.submit(read('a'))
    it.submit(update('b', 'x\r\ny'))
    it.submit(read('c'))
    it.submit(read('d'))
    expect(it.written().toString()).toBe(
      '*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$4\r\nx\r\ny\r\n*2\r\n$3\r\nGET\r\n$1\r\nc\r\n*2\r\n$3\r\nGET\r\n$1\r\nd\r\n',
    )
    it.feed(Buffer.from('$5\r\n1\r\n23\r\n+OK\r\n$-1\r\n-LOADING the data\r\n'))
    expect(it.answers).toEqual(['1\r\n23', 'null', 'null', 'LOADING the data'])
  })

  test('a write counts once WAIT has told of enough replicas', () => {
    const it = world((wire) => new RedisSpeaker(wire, 2))
    it.feed(Buffer.from('+PONG\r\n'))
    it.submit(update('a', '1'))
    it.submit(update('a', '2'))
    it.feed(Buffer.from('+OK\r\n'))
    expect(it.answers).toEqual([])
    it.feed(Buffer.from(':2\r\n+OK\r\n:1\r\n'))
    expect(it.answers).toEqual(['null', 'WAIT: 1 of 2 replicas confirmed'])
  })
})

describe('jetstream', () => {
  const make = () => world((wire) => new JetStreamSpeaker(wire, { bucket: 'b', inbox: '_B.x' }))

  test('answers go by their subject, whatever their order', () => {
    const it = make()
    it.feed(Buffer.from('INFO {}\r\nPONG\r\n'))
    expect(it.isReady()).toBe(true)
    it.submit(read('a'))
    it.submit(update('a', 'v'))
    it.submit(read('none'))
    it.submit(update('a', 'w'))
    expect(it.written().toString()).toContain(
      'PUB $JS.API.DIRECT.GET.KV_b.$KV.b.a _B.x.0 0\r\n\r\nPUB $KV.b.a _B.x.1 1\r\nv\r\n',
    )
    it.feed(Buffer.from('MSG _B.x.1 1 24\r\n{"stream":"KV_b","seq":1\r\n'))
    it.feed(Buffer.from('HMSG _B.x.0 1 20 25\r\nNATS/1.0\r\nNats-A\r\n\r\nh\r\nlo\r\n'))
    it.feed(Buffer.from('HMSG _B.x.2 1 32 32\r\nNATS/1.0 404 Message Not Found\r\n\r\n\r\n'))
    it.feed(Buffer.from('MSG _B.x.3 1 15\r\n{"error":"full"\r\n'))
    expect(it.answers).toEqual(['null', 'h\r\nlo', 'null', '{"error":"full"'])
    it.feed(Buffer.from('PING\r\n'))
    expect(it.written().toString()).toBe('PONG\r\n')
  })

  test('an operation that is never answered is given up alone', () => {
    const it = make()
    it.submit(read('a'))
    it.speaker.onTick(-1)
    expect(it.answers).toEqual([])
    it.speaker.onTick(0)
    expect(it.answers).toEqual(['no answer in time'])
    expect(it.failure()).toBe(null)
  })
})

describe('names', () => {
  test('a key becomes one path component, and one subject token, and no two become the same', () => {
    expect(pathOf('user42')).toBe('/bench/user42')
    expect(pathOf('a/b%')).toBe('/bench/a%2fb%25')
    expect(pathOf('..')).toBe('/bench/%2e%2e')
    expect(tokenOf('user-42')).toBe('user-42')
    expect(tokenOf('a.b=*')).toBe('a=2eb=3d=2a')
  })
})

describe('etcd', () => {
  const frame = (type: number, flags: number, stream: number, payload: readonly number[] = []) =>
    Buffer.from([
      0,
      payload.length >> 8,
      payload.length & 255,
      type,
      flags,
      0,
      0,
      stream >> 8,
      stream & 255,
      ...payload,
    ])
  const settings = (...entries: readonly (readonly [number, number])[]) =>
    frame(
      4,
      0,
      0,
      entries.flatMap(([name, value]) => [
        0,
        name,
        value >>> 24,
        (value >> 16) & 255,
        (value >> 8) & 255,
        value & 255,
      ]),
    )
  const answer = (stream: number) => [
    frame(1, 4, stream, [0x88]),
    // A range response: one key-value with key `a` and value `v`.
    frame(0, 0, stream, [0, 0, 0, 0, 8, 0x12, 6, 0x0a, 1, 97, 0x2a, 1, 118]),
    frame(1, 5, stream, [0x88]),
  ]
  const make = (firstStreamId = 1) =>
    world((wire) => new EtcdSpeaker(wire, { authority: 'h:1', serializable: false, firstStreamId }))
  /** Type, stream and length of each frame. */
  const frames = (written: Buffer) => {
    const found: [type: number | undefined, stream: number, length: number][] = []
    for (let at = 0; at < written.length; at += 9 + written.readUIntBE(at, 3))
      found.push([written[at + 3], written.readUInt32BE(at + 5), written.readUIntBE(at, 3)])
    return found
  }

  test('an answer is a stream that ends after data; one without is an error', () => {
    const it = make()
    it.feed(settings())
    expect(it.isReady()).toBe(true)
    it.submit(read('a'))
    it.submit(read('a'))
    it.submit(read('a'))
    it.feed(Buffer.concat([...answer(3), frame(1, 5, 1, [0x88]), frame(3, 0, 5, [0, 0, 0, 7])]))
    expect(it.answers).toEqual(['v', 'h:1 refused: see its log', 'h:1 reset the stream with code 7'])
    expect(it.speaker.pending).toBe(0)
  })

  test('no more streams at a time than the server allows', () => {
    const it = make()
    it.feed(settings([3, 1]))
    it.written()
    it.submit(read('a'))
    it.submit(read('b'))
    expect(frames(it.written()).map(([type, stream]) => [type, stream])).toEqual([
      [1, 1],
      [0, 1],
    ])
    it.feed(Buffer.concat(answer(1)))
    expect(frames(it.written()).map(([type, stream]) => [type, stream])).toEqual([
      [1, 3],
      [0, 3],
    ])
    expect(it.speaker.pending).toBe(1)
  })

  test('a value beyond the window waits for it, in frames of the allowed size', () => {
    const it = make()
    it.feed(settings([4, 20_000]))
    it.written()
    it.submit(update('a', 'x'.repeat(30_000)))
    const first = frames(it.written())
    expect(first.map(([type]) => type)).toEqual([1, 0, 0])
    expect(first.slice(1).map(([, , length]) => length)).toEqual([16_384, 20_000 - 16_384])
    it.feed(frame(8, 0, 1, [0, 1, 0, 0]))
    const rest = frames(it.written())
    expect(rest.map(([type, stream]) => [type, stream])).toEqual([[0, 1]])
    expect(rest[0]?.[2]).toBe(5 + 3 + 4 + 30_000 - 20_000)
  })

  test('used up stream ids: no more operations, so that a new connection follows', () => {
    const it = make(0x7fff_ffff)
    it.feed(settings())
    expect(it.speaker.exhausted).toBe(false)
    it.submit(read('a'))
    expect(it.speaker.exhausted).toBe(true)
    expect(it.speaker.pending).toBe(1)
  })
})

describe('zookeeper', () => {
  const packet = (...words: readonly number[]) => {
    const bytes = Buffer.alloc(4 + 4 * words.length)
    bytes.writeInt32BE(4 * words.length)
    for (const [i, word] of words.entries()) bytes.writeInt32BE(word, 4 + 4 * i)
    return bytes
  }
  const reply = (xid: number, err = 0) => packet(xid, 0, 9, err)

  test('sync and read are one operation; what is there is written all the same', () => {
    const it = world((wire) => new ZooKeeperSpeaker(wire, true))
    it.feed(packet(0, 30_000, 0, 1, 0))
    it.feed(reply(0, -110))
    expect(it.isReady()).toBe(true)
    it.submit(read('a'))
    it.submit({ type: 'insert', key: 'b', value: bytes('v') })
    it.feed(reply(1))
    expect(it.answers).toEqual([])
    it.feed(packet(1, 0, 9, 0, 1, 0x61000000)) // data of one byte, and what follows
    expect(it.answers).toEqual(['a'])
    it.feed(reply(2, -110))
    expect(it.answers).toEqual(['a'])
    it.feed(reply(-2))
    it.feed(reply(3))
    expect(it.answers).toEqual(['a', 'null'])
  })
})

describe('a connection', () => {
  test('what waits fails at once when the server goes; the next operation finds the new one', async () => {
    const sockets: Socket[] = []
    let answers = false
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        if (chunk.includes('PING')) socket.write('+PONG\r\n')
        else if (answers) socket.write('+OK\r\n')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const endpoint = `127.0.0.1:${(server.address() as { port: number }).port}`
    const connections = [new Connection(endpoint, { retries: true }, (wire) => new RedisSpeaker(wire, 0))]
    const target = await openPeerTarget({ connections, choose: roundRobin(connections) })
    try {
      const waiting = submitOne(target, update('a', '1'))
      await expect.poll(() => sockets.length).toBe(1)
      sockets[0]?.destroy()
      expect(await waiting).toMatch(new RegExp(`^${endpoint}: `))
      expect(await submitOne(target, update('a', '1'))).toMatch(/^no member is connected/)
      answers = true
      await expect.poll(() => submitOne(target, update('a', '2')), { timeout: 10_000 }).toBe(null)
    } finally {
      await target.close()
      server.close()
    }
  })
})
