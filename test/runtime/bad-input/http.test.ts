import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type HttpDoor, openHttpDoor } from '../../../runtime/doors/http.ts'

let door: HttpDoor
let problem: string | null = null

beforeAll(async () => {
  door = await openHttpDoor({
    host: '127.0.0.1',
    port: 0,
    status: () => ({ well: true }),
    unhealthy: () => problem,
    unready: () => null,
    metrics: async () => ({ contentType: 'text/plain', text: async () => '' }),
  })
})
afterAll(() => door.close())

/** First line of the answer to a request as it is written. */
function ask(request: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(door.port, '127.0.0.1')
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text.split('\r\n')[0] ?? ''))
    socket.end(request)
  })
}

const get = (path: string) => ask(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)

const paths: readonly (readonly [path: string, status: number])[] = [
  ['/healthz', 200],
  ['/status', 200],
  ['/healthz?verbose=%zz', 200],
  ['http://anywhere/healthz', 200],
  ['/', 404],
  ['//', 404],
  ['//healthz', 404],
  ['http://[', 404],
  ['/%', 404],
  ['/../../etc/passwd', 404],
  [`/${'x'.repeat(10_000)}`, 404],
]

test.each(paths.map(([path, status]) => [path.slice(0, 30), path, status] as const))(
  'GET %s',
  async (_, path, status) => {
    expect(await get(path)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(await get('/healthz')).toMatch(/ 200 /)
  },
)

test('what is no request is answered as such', async () => {
  expect(await ask('\x16\x03\x01\x02\x00')).toMatch(/^HTTP\/1\.1 400 /)
  expect(await ask('PUT /status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toMatch(/ 405 /)
  expect(await get(`/${'x'.repeat(100_000)}`)).toMatch(/ 431 /)
})

test('a reason not to be well is told with 503', async () => {
  problem = 'the disk is full'
  expect(await get('/healthz')).toMatch(/ 503 /)
  problem = null
})

test('one address may have half of the connections', async () => {
  const small = await openHttpDoor({
    ...{ host: '127.0.0.1', port: 0, connectionsMax: 4, status: () => ({}) },
    ...{ unhealthy: () => null, unready: () => null },
    metrics: async () => ({ contentType: 'text/plain', text: async () => '' }),
  })
  const idle = [connect(small.port, '127.0.0.1'), connect(small.port, '127.0.0.1')]
  const third = connect(small.port, '127.0.0.1')
  third.on('error', () => {})
  await new Promise<void>((resolve) => third.once('close', () => resolve()))
  for (const socket of idle) socket.destroy()
  await small.close()
})

test('who asks again and again without reading is cut off', async () => {
  const socket = connect(door.port, '127.0.0.1')
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50))
  await closed
  expect(await get('/healthz')).toBe('HTTP/1.1 200 OK')
})
