/** Processes of a yardstick. */
import { type ChildProcess, fork } from 'node:child_process'
import type { BareAnswer, BareRole } from '../../bench/bare-process.ts'
import { builtFile } from './own-program.ts'

export const BARE_ENTRY = 'lab/bench/bare-process.js'
/** As a server's (see `LocalProcess`). */
const NODE_ARGS = ['--max-semi-space-size=32']

export class BareGroup {
  readonly #children: { readonly name: string; readonly part: string; readonly child: ChildProcess }[] = []

  /** @returns its port. */
  async add(name: string, part: string, role: BareRole): Promise<number> {
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as ['ignore', 'inherit', 'inherit', 'ipc']
    const child = fork(builtFile(BARE_ENTRY), [], { execArgv: NODE_ARGS, stdio })
    this.#children.push({ name, part, child })
    const answer = await new Promise<BareAnswer>((resolve, reject) => {
      child.once('message', (message) => resolve(message as BareAnswer))
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`${name} ended with status ${code}`)))
      child.send(role)
    })
    if ('error' in answer) throw new Error(`${name}: ${answer.error}`)
    return answer.port
  }

  async processes() {
    return this.#children.flatMap(({ name, part, child }) =>
      child.pid === undefined || child.exitCode !== null ? [] : [{ name, pid: child.pid, part }],
    )
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
        child.kill('SIGKILL')
        await exited
      }),
    )
  }
}
