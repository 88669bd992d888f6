import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Lab, type LabOptions, openLab } from '../../lab/page/serve/open-lab.ts'
import type { LiveEvent } from '../../lab/page/serve/snapshot.ts'
import { coordinatorStatus, fakeProcess, serverStatus } from './fake-cluster.ts'

const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function lab(options: Partial<LabOptions>): Promise<Lab> {
  const pageDirectory = mkdtempSync(join(tmpdir(), 'lab-page-'))
  writeFileSync(join(pageDirectory, 'index.html'), '<title>the page</title>')
  const opened = await openLab({ port: 0, pageDirectory, everyMs: 20, ...options })
  ends.push(() => rmSync(pageDirectory, { recursive: true }))
  ends.push(() => opened.close())
  return opened
}

async function cluster() {
  const processes = {
    n1: await fakeProcess(serverStatus('n1')),
    n2: await fakeProcess(serverStatus('n2')),
    n3: await fakeProcess(serverStatus('n3')),
    'coordinator-1': await fakeProcess(coordinatorStatus('coordinator-1')),
  }
  for (const one of Object.values(processes)) ends.push(() => one.kill())
  return { ...processes, addresses: Object.values(processes).map(({ address }) => address) }
}

type Look = LiveEvent & { type: 'look' }

/** Reads the stream until an event is as wanted. */
async function until(opened: Lab, wanted: (event: Look) => boolean): Promise<Look> {
  const controller = new AbortController()
  const response = await fetch(`http://127.0.0.1:${opened.port}/live/events`, { signal: controller.signal })
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader()
  let text = ''
  try {
    for (let looks = 0; looks < 500; ) {
      const { value, done } = await reader.read()
      if (done) break
      text += value
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        if (!line.startsWith('data: ')) continue
        looks++
        const event = JSON.parse(line.slice(6)) as LiveEvent
        if (event.type === 'look' && wanted(event)) return event
      }
    }
    throw new Error('the stream ended, or showed nothing of the kind')
  } finally {
    controller.abort()
  }
}

/** With a header that fetch would not let us write. */
function statusWithHost(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/', headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject).end()
  })
}

describe('the page', () => {
  test('is served on loopback, and no other file of the machine', async () => {
    const { port, url } = await lab({})
    expect(await (await fetch(url)).text()).toContain('the page')
    for (const path of ['/..%2f..%2fetc/passwd', '/%2e%2e/package.json', '//etc/passwd', '/nothing'])
      expect((await fetch(`http://127.0.0.1:${port}${path}`)).status, path).toBe(404)
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(405)
  })

  test('is not served to a site that has taken a name for this machine', async () => {
    const { port } = await lab({})
    expect(await statusWithHost(port, 'evil.example')).toBe(403)
    expect(await statusWithHost(port, `localhost:${port}`)).toBe(200)
  })

  test('which is not built: says how', async () => {
    const { url } = await lab({ pageDirectory: join(tmpdir(), 'there-is-no-such-page') })
    const response = await fetch(url)
    expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('npm run build')])
  })

  test('goes on after garbage', async () => {
    const { port, url } = await lab({})
    await new Promise<void>((resolve) => {
      const socket = connectTcp(port, '127.0.0.1', () => socket.end('\0\xff garbage \r\n\r\n'))
      socket.on('close', () => resolve()).on('error', () => {})
      socket.resume()
    })
    expect((await fetch(url)).status).toBe(200)
  })

  test('without a cluster says so on the stream', async () => {
    const { port } = await lab({})
    const response = await fetch(`http://127.0.0.1:${port}/live/events`)
    const { value } = (await response.body?.getReader().read()) ?? {}
    expect(new TextDecoder().decode(value)).toContain('retry')
  })
})

describe('a cluster', () => {
  test('is shown: servers, coordinators, chains, and the story so far', async () => {
    const { addresses } = await cluster()
    const opened = await lab({ watch: { addresses } })
    const { snapshot, story, controls } = await until(opened, () => true)
    expect(snapshot.servers.map(({ name, replicas }) => [name, replicas[0]?.role])).toEqual([
      ['n1', 'head'],
      ['n2', 'middle'],
      ['n3', 'tail'],
    ])
    expect(snapshot.coordinators).toMatchObject([{ name: 'coordinator-1', role: 'leader', term: 2 }])
    expect(story.map(({ text }) => text)).toEqual([
      'c0 is n1, n2, n3, epoch 3',
      'coordinator-1 leads the coordinators, term 2',
    ])
    expect(controls).toBeNull()
  })

  test('of which a server dies: it is shown as silent, and the story tells what came of it', async () => {
    const { addresses, n1, n2, n3 } = await cluster()
    const opened = await lab({ watch: { addresses } })
    await until(opened, () => true)
    await n2.kill()
    const dead = await until(opened, ({ snapshot }) => snapshot.servers[1]?.answers === false)
    expect(dead.snapshot.servers).toHaveLength(3)
    n1.status = serverStatus('n1', { epoch: 4, members: ['n1', 'n3'] })
    n3.status = serverStatus('n3', { epoch: 4, members: ['n1', 'n3'] })
    await until(opened, ({ snapshot }) => snapshot.chains[0]?.epoch === 4)
    const { story } = await until(opened, () => true)
    expect(story.slice(2).map(({ text }) => text)).toEqual([
      'n2 does not answer any more',
      'n2’s session ended; c0 is now n1, n3 at epoch 4',
    ])
  })

  test('whose processes talk nonsense, or never were there', async () => {
    const odd = await fakeProcess({ server: 7, replicas: 'many' })
    const wild = await fakeProcess({ server: 'n9', replicas: [null, 5, { chain: {}, members: [1] }] })
    const gone = await fakeProcess({})
    await gone.kill()
    ends.push(
      () => odd.kill(),
      () => wild.kill(),
    )
    const opened = await lab({
      watch: { addresses: [odd.address, wild.address, gone.address], names: new Map([[gone.address, 'n3']]) },
    })
    const { snapshot } = await until(opened, () => true)
    expect(snapshot.strangers.map(({ answers }) => answers)).toEqual([false, false])
    expect(snapshot.strangers[1]?.name).toBe('n3')
    expect(snapshot.servers[0]).toMatchObject({ name: 'n9', replicas: [{ epoch: 0 }, {}, { chain: '?' }] })
  })
})

describe('buttons', () => {
  const acts: string[] = []
  let busy: string | null = null
  const controls = {
    busy: () => busy,
    processes: () => [{ name: 'n1', runs: true }],
    kill: async (name: string) => void acts.push(`kill ${name}`),
    restart: async (name: string) => void acts.push(`restart ${name}`),
  }
  const post = (opened: Lab, body: unknown) =>
    fetch(`http://127.0.0.1:${opened.port}/live/act`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  test('kill and restart what was started here, with the token alone', async () => {
    const { addresses } = await cluster()
    const opened = await lab({ watch: { addresses }, controls })
    const token = (await until(opened, () => true)).controls?.token
    expect((await post(opened, { token, process: 'n1', do: 'kill' })).status).toBe(204)
    expect((await post(opened, { token, process: 'n1', do: 'restart' })).status).toBe(204)
    expect(acts).toEqual(['kill n1', 'restart n1'])
    const wrong: [number, unknown][] = [
      [403, { token: 'x', process: 'n1', do: 'kill' }],
      [404, { token, process: 'n2', do: 'kill' }],
      [400, { token, process: 'n1', do: 'format' }],
      [400, '{'],
      [400, 'null'],
      [400, 'x'.repeat(5000)],
    ]
    for (const [status, body] of wrong) expect((await post(opened, body)).status).toBe(status)
    busy = 'just now'
    expect((await post(opened, { token, process: 'n1', do: 'kill' })).status).toBe(409)
    expect(acts).toHaveLength(2)
    expect((await fetch(`http://127.0.0.1:${opened.port}/live/act`)).status).toBe(405)
  })

  test('other clusters have none', async () => {
    const opened = await lab({})
    expect((await post(opened, { token: '', process: 'n1', do: 'kill' })).status).toBe(403)
  })
})
