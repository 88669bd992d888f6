import type { CoordinatorClient } from '../../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import { simSession } from '../../simulator/control/sim-session.ts'
import type { Network } from '../../simulator/kernel/network.ts'
import type { SimProcess } from '../../simulator/kernel/process.ts'
import type { ZnodeOperation } from './action.ts'
import { bytesText, shortened } from './value-text.ts'
import type { ZnodeAnswerView } from './view.ts'

/** The visitor's own session with the coordinators: the real client. It begins with the first thing that is asked. */
export class VisitorSession {
  readonly answers: ZnodeAnswerView[] = []
  readonly #process: SimProcess
  readonly #network: Network
  readonly #coordinators: readonly string[]
  readonly #sessionTimeoutMs: number
  readonly #nowMs: () => number
  #session: CoordinatorClient | null = null

  constructor(options: {
    readonly process: SimProcess
    readonly network: Network
    readonly coordinators: readonly string[]
    readonly sessionTimeoutMs: number
    readonly nowMs: () => number
  }) {
    this.#process = options.process
    this.#network = options.network
    this.#coordinators = options.coordinators
    this.#sessionTimeoutMs = options.sessionTimeoutMs
    this.#nowMs = options.nowMs
  }

  do(operation: ZnodeOperation, text: string): void {
    const { scheduler } = this.#process.kernel
    const asked = { text, calledMs: this.#nowMs(), returnedMs: null, answer: null }
    const place = this.answers.push(asked) - 1
    const session = this.#begun()
    scheduler.promised()
    void this.#ask(session, operation)
      .catch((error: unknown) => {
        if (isCoordinatorError(error)) return error.code
        throw error
      })
      .then((said) => {
        this.answers[place] = { ...asked, returnedMs: this.#nowMs(), answer: shortened(said, 120) }
        this.#process.note('visitor', () => `${text}: ${said}`)
      })
  }

  #begun(): CoordinatorClient {
    if (this.#session !== null) return this.#session
    let session: CoordinatorClient | null = null
    const begin = () => {
      session = simSession(
        { process: this.#process, network: this.#network },
        { servers: this.#coordinators, sessionTimeoutMs: this.#sessionTimeoutMs, renewExpired: true },
      )
    }
    if (this.#process.alive) this.#process.run(begin)
    else this.#process.start(begin)
    if (session === null) throw new Error('the visitor has no session')
    this.#session = session
    return session
  }

  async #ask(session: CoordinatorClient, operation: ZnodeOperation): Promise<string> {
    const { path } = operation
    switch (operation.type) {
      case 'create': {
        const { ephemeral = false, sequential = false } = operation
        return session.create(path, operation.data, { ephemeral, sequential })
      }
      case 'set': {
        const { version } = await session.setData(path, operation.data)
        return `version ${version}`
      }
      case 'delete':
        await session.delete(path)
        return 'deleted'
      case 'sync':
        await session.sync(path)
        return 'synced'
      case 'get': {
        const { data, stat } = await session.getData(path, operation.watch === true ? this.#watch() : {})
        return `${bytesText(data)} (version ${stat.version}, zxid ${stat.mzxid})`
      }
    }
  }

  #watch() {
    return {
      watch: ({ type, path }: { readonly type: string; readonly path: string }) => {
        const atMs = this.#nowMs()
        this.answers.push({ text: 'watch', calledMs: atMs, returnedMs: atMs, answer: `${type} ${path}` })
      },
    }
  }
}
