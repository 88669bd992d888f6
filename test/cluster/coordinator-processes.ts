/** Coordinators as processes of their own, without anything else of a cluster. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HOST = '127.0.0.1'

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST))
  const ports: number[] = []
  for (const server of servers) {
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    if (typeof address === 'object' && address !== null) ports.push(address.port)
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  return ports
}

export class CoordinatorProcesses {
  readonly #entry: string
  readonly #directory = mkdtempSync(join(tmpdir(), 'catenary-members-'))
  readonly #ports: readonly number[]
  readonly #running = new Map<number, ChildProcess>()
  log = ''

  private constructor(entry: string, ports: readonly number[]) {
    this.#entry = entry
    this.#ports = ports
  }

  static async prepare(entry: string, count: number): Promise<CoordinatorProcesses> {
    return new CoordinatorProcesses(entry, await freePorts(2 * count))
  }

  /** As the command line wants it. */
  row(number: number): string {
    return `coordinator-${number}=${HOST}:${this.#ports[2 * number - 2]}:${this.#ports[2 * number - 1]}`
  }

  client(number: number): string {
    return `${HOST}:${this.#ports[2 * number - 1]}`
  }

  start(
    number: number,
    how: { readonly founders: readonly number[] } | { readonly join: readonly number[] },
  ): void {
    const members =
      'founders' in how
        ? ['--members', how.founders.map((n) => this.row(n)).join(',')]
        : ['--members', this.row(number), '--join', how.join.map((n) => this.client(n)).join(',')]
    const id = `coordinator-${number}`
    const own = ['--id', id, '--data', join(this.#directory, id), '--http-port', '0', '--no-manager']
    const child = this.#spawn(['coordinator', ...own, ...members])
    this.#running.set(number, child)
  }

  #spawn(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [this.#entry, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.log += chunk.toString()
      })
    return child
  }

  async kill(number: number): Promise<void> {
    const child = this.#running.get(number)
    this.#running.delete(number)
    if (child === undefined || child.exitCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  /** Which of these leads, as its `srvr` says. */
  async leader(of: readonly number[]): Promise<number> {
    for (const number of of) if ((await this.#srvr(number)).includes('Mode: leader')) return number
    throw new Error('nobody leads')
  }

  #srvr(number: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(this.client(number).split(':')[1]), HOST, () => socket.end('srvr'))
      let said = ''
      socket.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
      socket.once('error', reject)
      socket.once('close', () => resolve(said))
    })
  }

  /** Runs a command to its end. @throws with what it said, where it fails. */
  async command(...args: string[]): Promise<string> {
    const child = spawn(process.execPath, [this.#entry, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
    const code = await new Promise((resolve) => child.once('close', resolve))
    if (code !== 0) throw new Error(`${args.join(' ')}: ${said}`)
    return said
  }

  async close(): Promise<void> {
    for (const number of [...this.#running.keys()]) await this.kill(number)
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
