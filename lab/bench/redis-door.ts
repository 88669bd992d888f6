/**
 * The Redis door beside redis-server on this machine: `redis-benchmark` GET at one server of each in turn, then `ioredis` over a chain of three whose reads go to the replicas.
 *
 *     npm run build && node dist/lab/bench/redis-door.js [--rounds 5] [--requests 200000]
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import Table from 'cli-table3'
import { freePorts } from '../../runtime/processes/free-ports.ts'
import { type LocalCluster, startLocalCluster } from '../../runtime/processes/local-cluster.ts'
import { cpuUsOf } from './process-cpu.ts'

const { values: args } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '200000' },
  },
})

const ENTRY = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const KEYS = 10_000
const VALUE = 'v'.repeat(100)
const DEPTHS = [1, 16] as const
/** Of `redis-benchmark`: the share of redis-server's rate that is wanted. */
const GOALS = { 1: 0.4, 16: 0.3 } as const
const IN_FLIGHT = 128
const DISCARDED = 1
const run = promisify(execFile)

interface Target {
  readonly name: string
  readonly port: number
  readonly pids: readonly (number | null)[]
}

interface Rate {
  readonly perSecond: number
  readonly cpuUs: number
}

const cpuOf = (pids: Target['pids']) =>
  pids.reduce<number>((sum, pid) => sum + (pid === null ? 0 : cpuUsOf(pid)), 0)

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** Requests a second, and processor time of the server for each. */
async function benchmark(
  { port, pids }: Target,
  test: 'get' | 'set',
  depth: number,
  requests: number,
): Promise<Rate> {
  const shape = ['-c', '50', '-P', String(depth), '-n', String(requests), '-d', String(VALUE.length)]
  const before = cpuOf(pids)
  const options = ['-p', String(port), '-t', test, '-r', String(KEYS), '--csv', ...shape]
  const { stdout } = await run('redis-benchmark', options)
  const perSecond = Number(/^"[GS]ET","([\d.]+)"/m.exec(stdout)?.[1] ?? Number.NaN)
  return { perSecond, cpuUs: (cpuOf(pids) - before) / requests }
}

async function startRedis(directory: string) {
  const port = (await freePorts(1))[0] ?? 0
  const options = ['--port', String(port), '--dir', directory, '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', options, { stdio: 'ignore' })
  for (let tries = 0; tries < 250; tries++) {
    await sleep(20)
    const { stdout } = await run('redis-cli', ['-p', String(port), 'ping']).catch(() => ({ stdout: '' }))
    if (stdout.startsWith('PONG')) break
  }
  return {
    target: { name: 'redis-server', port, pids: [child.pid ?? null] },
    stop: () => child.kill('SIGKILL'),
  }
}

const serversOf = (cluster: LocalCluster) => cluster.servers.map(({ pid }) => pid)

/** Rounds in turns, so that what else the machine does hits both alike. */
async function oneServer(redis: Target, directory: string): Promise<void> {
  const shape = { coordinators: 1, servers: 1, replication: 1, durability: 'memory' } as const
  const cluster = await startLocalCluster({
    directory,
    entry: ENTRY,
    ...shape,
    redis: 'cluster',
    logLevel: 'warn',
  })
  try {
    const ours: Target = { name: 'catenary', port: cluster.redisPort('n1'), pids: serversOf(cluster) }
    for (const target of [redis, ours]) await benchmark(target, 'set', 16, KEYS * 4)
    const table = new Table({
      head: [
        'GET, 50 connections',
        'redis-server /s',
        'catenary /s',
        'ratio',
        'goal',
        'CPU us/op redis',
        'CPU us/op catenary',
      ],
    })
    for (const depth of DEPTHS) {
      const rates = new Map<string, Rate[]>([
        [redis.name, []],
        [ours.name, []],
      ])
      for (let round = -DISCARDED; round < Number(args.rounds); round++) {
        for (const target of [redis, ours]) {
          const rate = await benchmark(target, 'get', depth, Number(args.requests) * (depth === 1 ? 1 : 4))
          if (round >= 0) rates.get(target.name)?.push(rate)
        }
      }
      const middle = (name: string, of: (rate: Rate) => number) => median((rates.get(name) ?? []).map(of))
      const [theirs, mine] = [redis.name, ours.name].map((name) => middle(name, (rate) => rate.perSecond))
      table.push([
        `-P ${depth}`,
        Math.round(theirs ?? 0),
        Math.round(mine ?? 0),
        `${((mine ?? 0) / (theirs ?? 1)).toFixed(2)}x`,
        `${GOALS[depth]}x`,
        ...[redis.name, ours.name].map((name) => middle(name, (rate) => rate.cpuUs).toFixed(2)),
      ])
    }
    console.log(table.toString())
  } finally {
    await cluster.stop()
  }
}

interface Reader {
  get(key: string): Promise<string | null>
}

async function readAll(client: Reader, pids: Target['pids'], count: number): Promise<Rate> {
  let next = 0
  const before = cpuOf(pids)
  const began = performance.now()
  const worker = async () => {
    while (next++ < count) await client.get(`key:${String(next % KEYS).padStart(12, '0')}`)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return { perSecond: (count * 1000) / (performance.now() - began), cpuUs: (cpuOf(pids) - before) / count }
}

/** One client process: it is the bottleneck more often than the chain, which is why the processor time of the servers is told, too. */
async function chainOfThree(redis: Target, directory: string): Promise<void> {
  const { Redis, Cluster } = await import('ioredis')
  const cluster = await startLocalCluster({
    directory,
    entry: ENTRY,
    coordinators: 1,
    durability: 'memory',
    redis: 'cluster',
    logLevel: 'warn',
  })
  const nodes = cluster.servers.map(({ name }) => ({ host: '127.0.0.1', port: cluster.redisPort(name) }))
  const ours = new Cluster(nodes, { scaleReads: 'slave', enableAutoPipelining: true })
  const theirs = new Redis({ port: redis.port, enableAutoPipelining: true })
  try {
    for (let i = 0; i < KEYS; i++) await ours.set(`key:${String(i).padStart(12, '0')}`, VALUE)
    const requests = Number(args.requests)
    const rates: { ours: Rate[]; theirs: Rate[] } = { ours: [], theirs: [] }
    for (let round = -DISCARDED; round < Number(args.rounds); round++) {
      const [mine, other] = [
        await readAll(ours, serversOf(cluster), requests),
        await readAll(theirs, redis.pids, requests),
      ]
      if (round < 0) continue
      rates.ours.push(mine)
      rates.theirs.push(other)
    }
    const table = new Table({
      head: [`ioredis, ${IN_FLIGHT} reads in flight`, 'reads/s', 'server CPU us/read'],
    })
    for (const [name, all] of [
      ['redis-server, one', rates.theirs],
      ['a chain of three, reads at the replicas', rates.ours],
    ] as const)
      table.push([
        name,
        Math.round(median(all.map((r) => r.perSecond))),
        median(all.map((r) => r.cpuUs)).toFixed(2),
      ])
    console.log(table.toString())
  } finally {
    ours.disconnect()
    theirs.disconnect()
    await cluster.stop()
  }
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'catenary-redis-door-'))
  const redis = await startRedis(directory)
  try {
    await oneServer(redis.target, join(directory, 'one'))
    await chainOfThree(redis.target, join(directory, 'three'))
  } finally {
    redis.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

await main()
