/** The processes of a benchmark. The main program starts itself again, once for each of them. */
import { fork } from 'node:child_process'
import { runBareRelay } from './bare-relay.ts'
import { runBareServer } from './bare-server.ts'
import { type LoadResult, type LoadTask, runLoad } from './lean-load.ts'
import { cpuUsOf } from './process-cpu.ts'

export type Role =
  | { readonly role: 'load'; readonly task: LoadTask }
  | { readonly role: 'bare-server'; readonly keys: number; readonly valueBytes: number }
  | { readonly role: 'bare-relay'; readonly next: number; readonly file: string | null }

/** In the child: plays the role that the parent sends, and answers with what it gives. */
export function playRole(): void {
  process.once('disconnect', () => process.exit(0))
  process.once('SIGINT', () => {}) // of the terminal, which sends it to all: this process ends with its parent
  process.once('message', (role: Role) => {
    play(role).then(
      (answer) => process.send?.({ answer }),
      (error: Error) => process.send?.({ error: error.message }),
    )
  })
}

async function play(role: Role): Promise<unknown> {
  switch (role.role) {
    case 'load':
      return runLoad(role.task)
    case 'bare-server':
      return runBareServer(role)
    case 'bare-relay':
      return runBareRelay(role)
  }
}

export interface Played<Answer> {
  readonly answer: Answer
  readonly pid: number
  end(): Promise<void>
}

/** In the parent: a process with this role, and its answer. It lives until `end`. */
export async function start<Answer>(main: string, role: Role): Promise<Played<Answer>> {
  // The heap's young part is as large as a server's (see LocalProcess).
  const execArgv = ['--max-semi-space-size=32']
  const child = fork(main, ['--role'], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.send(role)
  const reply = await new Promise<{ answer?: Answer; error?: string }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { answer?: Answer; error?: string }))
    child.once('exit', (code) => reject(new Error(`the ${role.role} process ended with status ${code}`)))
  })
  const end = async () => {
    if (child.connected) child.disconnect()
    await exited
  }
  if (reply.error !== undefined || reply.answer === undefined) {
    await end()
    throw new Error(`${role.role}: ${reply.error}`)
  }
  return { answer: reply.answer, pid: child.pid ?? 0, end }
}

/** What a load did, and what each of the processes that served it spent on one operation. */
export interface Measured extends LoadResult {
  /** Microseconds of processor time, warm-up included; 0 where the system does not tell. */
  readonly cpuUs: readonly number[]
}

/** One measurement in a process of its own. */
export async function measure(main: string, task: LoadTask, pids: readonly number[] = []): Promise<Measured> {
  const before = pids.map(cpuUsOf)
  const { answer, end } = await start<LoadResult>(main, { role: 'load', task })
  const cpuUs = pids.map((pid, i) => (cpuUsOf(pid) - (before[i] ?? 0)) / Math.max(1, answer.total))
  await end()
  if (answer.failures > 0) throw new Error(`${answer.failures} requests failed during the measurement`)
  return { ...answer, cpuUs }
}
