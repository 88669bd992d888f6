import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A real broker on a free port of 127.0.0.1. */
export interface NatsServer {
  readonly url: string
  /** Ends the process; its port stays ours for `start`. */
  stop(): Promise<void>
  start(): Promise<void>
  restart(): Promise<void>
  /** Ends the process and removes its folder. */
  dispose(): Promise<void>
}

const START_MS = 10_000
const ADVICE = 'nats-server is not installed; run scripts/install-test-servers.sh'
/** Debian puts servers where not every user's PATH looks. */
const PATH = [process.env['PATH'], '/usr/sbin', '/usr/local/sbin'].join(delimiter)

/** @param options.args - further arguments of `nats-server`, for example a configuration that lowers `max_payload`. */
export async function startNatsServer(options: { args?: readonly string[] } = {}): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'catenary-nats-'))
  let child: ChildProcess | null = null
  let port = -1 // the broker chooses; it writes its choice into a file

  const stop = async () => {
    const process = child
    child = null
    if (process === null || process.exitCode !== null || process.signalCode !== null) return
    const gone = new Promise((resolve) => process.once('exit', resolve))
    process.kill('SIGKILL')
    await gone
  }
  const start = async () => {
    const args = ['-a', '127.0.0.1', '-p', String(port), '--ports_file_dir', folder, ...(options.args ?? [])]
    const process = spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH } })
    child = process
    port = await Promise.race([failure(process), port > 0 ? port : chosenPort(folder, process)])
    await Promise.race([failure(process), accepts(port)])
  }
  try {
    await start()
  } catch (error) {
    await stop()
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    stop,
    start,
    async restart() {
      await stop()
      await start()
    },
    async dispose() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Rejects when the process does not start or ends early, with what it said. */
function failure(child: ChildProcess): Promise<never> {
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000)
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(ADVICE, { cause: error }) : error),
    )
    child.once('exit', (code) => reject(new Error(`nats-server ended with code ${code}:\n${said}`)))
  })
  failed.catch(() => {}) // its end after the start is `stop`
  return failed
}

async function chosenPort(folder: string, child: ChildProcess): Promise<number> {
  const file = join(folder, `nats-server_${child.pid}.ports`)
  return eventually(async () => {
    const { nats } = JSON.parse(await readFile(file, 'utf8')) as { nats: string[] }
    return Number(new URL(nats[0] ?? '').port)
  })
}

function accepts(port: number): Promise<void> {
  return eventually(
    () =>
      new Promise<void>((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port })
        socket.once('data', () => resolve(socket.destroy() && undefined)) // its INFO line
        socket.once('error', reject)
      }),
  )
}

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + START_MS
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > endMs) throw new Error('nats-server did not start in time', { cause: error })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
