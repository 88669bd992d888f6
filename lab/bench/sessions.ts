/**
 * `node --max-old-space-size=4096 dist/lab/bench/sessions.js --sessions 10000 --watches 10 --minutes 10`: many silent sessions with many watches, held by three coordinators. Reports
 * what each member needs, which sessions ended that should not have, and whether a change is told to everyone who watches it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { coordinator } from '../../client/coordinator/client.ts'
import { cpuUsOf } from './process-cpu.ts'
import { SilentSession } from './silent-session.ts'

const ENTRY = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const HOST = '127.0.0.1'
const MEMBERS = 3
const TIMEOUT_MS = 30_000
/** Connections that are being opened at one time. */
const OPENING = 200
const REPORT_MS = 15_000
const NODES = 100

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '10000' },
    watches: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '10' },
  },
})

interface Running {
  readonly id: string
  readonly clientPort: number
  readonly httpPort: number
  readonly process: ChildProcess
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST)
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function startMembers(directory: string): Promise<Running[]> {
  const rows = []
  for (let n = 1; n <= MEMBERS; n += 1)
    rows.push({
      id: `coordinator-${n}`,
      peerPort: await freePort(),
      clientPort: await freePort(),
      httpPort: await freePort(),
    })
  const members = rows
    .map(({ id, peerPort, clientPort }) => `${id}=${HOST}:${peerPort}:${clientPort}`)
    .join(',')
  return rows.map(({ id, clientPort, httpPort }) => ({
    id,
    clientPort,
    httpPort,
    process: spawn(
      process.execPath,
      [
        ENTRY,
        'coordinator',
        ...['--id', id, '--data', join(directory, id), '--members', members, '--http-port', `${httpPort}`],
        ...['--no-manager', '--tick-time', '2000', '--max-client-connections', '0', '--log-level', 'error'],
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    ),
  }))
}

interface MemberStatus {
  readonly sessions: number
  readonly connections: number
  readonly watches: number
  readonly role: string
}

async function statusOf({ httpPort }: Running): Promise<MemberStatus> {
  return (await (await fetch(`http://${HOST}:${httpPort}/status`)).json()) as MemberStatus
}

/** Resident memory of a process in MiB: now, and the most that it ever had. */
function memoryOf({ process: { pid } }: Running): { readonly now: number; readonly peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (name: string) =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024)
  return { now: mib('VmRSS'), peak: mib('VmHWM') }
}

async function openAll(members: readonly Running[], count: number, paths: (n: number) => string[]) {
  const sessions: SilentSession[] = []
  let next = 0
  const open = async () => {
    while (next < count) {
      const n = next
      next += 1
      const port = members[n % members.length]?.clientPort ?? 0
      sessions.push(
        await SilentSession.open({ host: HOST, port }, { timeoutMs: TIMEOUT_MS, paths: paths(n) }),
      )
    }
  }
  await Promise.all(Array.from({ length: OPENING }, open))
  return sessions
}

async function main(directory: string): Promise<void> {
  const [count, watches, minutes] = [Number(values.sessions), Number(values.watches), Number(values.minutes)]
  const members = await startMembers(directory)
  try {
    const zk = coordinator({
      servers: members.map(({ clientPort }) => `${HOST}:${clientPort}`),
      sessionTimeoutMs: TIMEOUT_MS,
    })
    await eventually(() => zk.ensurePath('/watched'))
    for (let n = 0; n < NODES; n += 1) await zk.create(`/watched/n${n}`, 'x')
    report(members, 'before')
    const startedMs = performance.now()
    // Some znodes that many watch, and some that this session alone waits for.
    const sessions = await openAll(members, count, (n) =>
      Array.from({ length: watches }, (_, w) =>
        w % 2 === 0 ? `/watched/n${(n + w) % NODES}` : `/watched/own-${n}-${w}`,
      ),
    )
    const seconds = (performance.now() - startedMs) / 1000
    console.log(`${count} sessions with ${watches} watches each opened in ${seconds.toFixed(1)} s`)
    const endMs = performance.now() + minutes * 60_000
    let worst = 0
    while (performance.now() < endMs) {
      await sleep(Math.min(REPORT_MS, Math.max(0, endMs - performance.now())))
      const statuses = await Promise.all(members.map(statusOf))
      const alive = sessions.filter(({ isOpen }) => isOpen).length
      worst = Math.max(
        worst,
        count - alive,
        count + 1 - Math.min(...statuses.map((status) => status.sessions)),
      )
      const watched = statuses.reduce((sum, status) => sum + status.watches, 0)
      report(members, `${alive} sessions alive, ${watched} watches, ${worst} ended wrongly`)
    }
    await changeAll(zk, sessions, watches)
    report(members, `at the end, ${worst} ended wrongly`)
    for (const session of sessions) session.hangUp()
    await zk.close()
    if (worst > 0) process.exitCode = 1
  } finally {
    for (const member of members) member.process.kill('SIGKILL')
  }
}

/** Every znode that exists changes: everyone who watches it hears of it. */
async function changeAll(
  zk: ReturnType<typeof coordinator>,
  sessions: readonly SilentSession[],
  watches: number,
): Promise<void> {
  const due = sessions.length * Math.ceil(watches / 2)
  const startedMs = performance.now()
  for (let n = 0; n < NODES; n += 1) await zk.setData(`/watched/n${n}`, 'y')
  const heard = () => sessions.reduce((sum, { events }) => sum + events, 0)
  const untilMs = performance.now() + 30_000
  while (heard() < due && performance.now() < untilMs) await sleep(10)
  const ms = Math.round(performance.now() - startedMs)
  console.log(`${NODES} changes: ${heard()} of ${due} events heard in ${ms} ms`)
  if (heard() !== due) process.exitCode = 1
}

function report(members: readonly Running[], what: string): void {
  const rows = members.map((member) => {
    const { now, peak } = memoryOf(member)
    const seconds = (cpuUsOf(member.process.pid ?? 0) / 1e6).toFixed(1)
    return `${member.id} ${now} MiB (peak ${peak}), ${seconds} s of CPU`
  })
  console.log(`${what}: ${rows.join('; ')}`)
}

async function eventually(act: () => Promise<unknown>): Promise<void> {
  for (let left = 100; ; left -= 1) {
    try {
      await act()
      return
    } catch (error) {
      if (left === 0) throw error
      await sleep(100)
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), 'catenary-sessions-'))
try {
  await main(directory)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
