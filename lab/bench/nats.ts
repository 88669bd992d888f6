/**
 * What it costs that a broker carries everything: reads and writes of one chain of three over NATS, against the same over tcp, in turns, and a bare hop through the
 * same broker, which explains the difference.
 *
 *     npm run build && node dist/lab/bench/nats.js [--rounds 3] [--seconds 3]
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { connect as connectNats } from 'nats'
import { type Client, connect } from '../../client/index.ts'
import { freePorts } from '../../runtime/processes/free-ports.ts'
import { type LocalCluster, startLocalCluster } from '../../runtime/processes/local-cluster.ts'

const MAIN = fileURLToPath(import.meta.url)
const ENTRY = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const OUTSTANDING = 64
const KEYS = 1_000
const VALUE = new Uint8Array(100).fill(120)
const ECHO = 'bench.echo'

interface Measured {
  readonly perSecond: number
  readonly medianUs: number
}

/** A closed loop of so many at once. */
async function loop(count: number, ms: number, act: (n: number) => Promise<unknown>): Promise<Measured> {
  const times: number[] = []
  let n = 0
  const run = async (until: number, record: boolean) => {
    while (performance.now() < until) {
      const began = performance.now()
      await act(n++)
      if (record) times.push(performance.now() - began)
    }
  }
  const all = (until: number, record: boolean) =>
    Promise.all(Array.from({ length: count }, () => run(until, record)))
  await all(performance.now() + ms / 4, false)
  const began = performance.now()
  await all(began + ms, true)
  const seconds = (performance.now() - began) / 1000
  times.sort((a, b) => a - b)
  return { perSecond: times.length / seconds, medianUs: (times[times.length >> 1] ?? 0) * 1000 }
}

const operations = {
  read: (client: Client) => (n: number) => client.get(`key-${n % KEYS}`),
  write: (client: Client) => (n: number) => client.put(`key-${n % KEYS}`, VALUE),
}

async function startBroker(): Promise<{ url: string; child: ChildProcess }> {
  const [port = 0] = await freePorts(1)
  const PATH = [process.env['PATH'], '/usr/sbin', '/usr/local/sbin'].join(delimiter)
  const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { PATH },
  })
  const url = `nats://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    try {
      await (await connectNats({ servers: url, reconnect: false })).close()
      return { url, child }
    } catch (error) {
      if (tries >= 100) throw error
      await sleep(50)
    }
  }
}

/** In a process of its own: what it is sent, it sends back. */
async function echo(url: string): Promise<void> {
  const connection = await connectNats({ servers: url })
  connection.subscribe(ECHO, { callback: (_, message) => message.respond(message.data) })
  await connection.flush()
  process.once('disconnect', () => process.exit(0))
  process.send?.('ready')
}

async function measureHop(url: string, ms: number): Promise<{ one: Measured; many: Measured }> {
  const child = fork(MAIN, ['--echo', url], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await new Promise((resolve) => child.once('message', resolve))
  const connection = await connectNats({ servers: url })
  const ask = () => connection.request(ECHO, VALUE, { timeout: 5_000 })
  try {
    return { one: await loop(1, ms, ask), many: await loop(OUTSTANDING, ms, ask) }
  } finally {
    await connection.close()
    child.disconnect()
  }
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0

async function main(rounds: number, ms: number): Promise<void> {
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; chain of 3, sync, 100-byte values, medians of ${rounds} rounds`,
  )
  const broker = await startBroker()
  const directory = mkdtempSync(join(tmpdir(), 'catenary-bench-nats-'))
  const clusters: LocalCluster[] = []
  const found = new Map<string, Measured[]>()
  const note = (key: string, measured: Measured) => found.set(key, [...(found.get(key) ?? []), measured])
  try {
    const clients: [string, Client][] = []
    for (const [name, transport] of [
      ['tcp', 'tcp'],
      ['nats', broker.url],
    ] as const) {
      const cluster = await startLocalCluster({
        directory: join(directory, name),
        entry: ENTRY,
        coordinators: 1,
        transport,
        logLevel: 'warn',
      })
      clusters.push(cluster)
      const client = await connect({ servers: cluster.clientServers, transport, timeoutMs: 30_000 })
      clients.push([name, client])
      await Promise.all(Array.from({ length: KEYS }, (_, n) => client.put(`key-${n}`, VALUE)))
    }
    for (let round = 0; round < rounds; round++) {
      for (const [name, client] of clients)
        for (const [operation, make] of Object.entries(operations)) {
          note(`${name} ${operation} 1`, await loop(1, ms, make(client)))
          note(`${name} ${operation} ${OUTSTANDING}`, await loop(OUTSTANDING, ms, make(client)))
        }
      const { one, many } = await measureHop(broker.url, ms)
      note('hop', one)
      note('hops', many)
      console.error(`round ${round + 1} of ${rounds}`)
    }
    for (const [, client] of clients) await client.close()
  } finally {
    for (const cluster of clusters) await cluster.stop()
    broker.child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  report(found)
}

function report(found: ReadonlyMap<string, readonly Measured[]>): void {
  const rate = (key: string) => median((found.get(key) ?? []).map(({ perSecond }) => perSecond))
  const micros = (key: string) => median((found.get(key) ?? []).map(({ medianUs }) => medianUs))
  const table = new Table({ head: ['', 'tcp', 'nats', 'nats : tcp'], style: { head: [], border: [] } })
  for (const operation of Object.keys(operations)) {
    const [tcp, nats] = [`tcp ${operation} ${OUTSTANDING}`, `nats ${operation} ${OUTSTANDING}`]
    table.push([
      `${operation}s/s, ${OUTSTANDING} at once`,
      Math.round(rate(tcp)),
      Math.round(rate(nats)),
      `${(rate(nats) / rate(tcp)).toFixed(2)}x`,
    ])
    const [one, oneNats] = [micros(`tcp ${operation} 1`), micros(`nats ${operation} 1`)]
    table.push([
      `one ${operation} at a time, us`,
      Math.round(one),
      Math.round(oneNats),
      `${(oneNats / one).toFixed(2)}x`,
    ])
  }
  console.log(table.toString())
  console.log(
    `A bare request and its reply through the broker: ${Math.round(micros('hop'))} us one at a time, ${Math.round(rate('hops'))}/s with ${OUTSTANDING} at once.`,
  )
}

const { values: args } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    echo: { type: 'string' },
  },
})
if (args.echo === undefined) await main(Number(args.rounds), Number(args.seconds) * 1000)
else await echo(args.echo)
