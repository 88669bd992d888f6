import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import { PATHS, resetPath } from '../../runtime/manager/znodes.ts'
import { simSession } from './control/sim-session.ts'
import type { Network } from './kernel/network.ts'
import type { SimProcess } from './kernel/process.ts'

/** How long until an order that did not get through is given again. */
const AGAIN_MS = 500
const SESSION_TIMEOUT_MS = 4000

/** The one who drains servers and overrides the rules: by znodes, as `catenary chain` does. An order is repeated until it is heard. */
export class SimOperator {
  readonly process: SimProcess
  readonly #network: Network
  readonly #coordinators: readonly string[]
  #session: CoordinatorClient | null = null
  /** What is to be, by path: the newest word counts. */
  readonly #orders = new Map<string, 'create' | 'delete'>()

  constructor(process: SimProcess, network: Network, coordinators: readonly string[]) {
    this.process = process
    this.#network = network
    this.#coordinators = coordinators
  }

  start(): void {
    this.process.start(() => {
      this.#session = simSession(
        { process: this.process, network: this.#network },
        { servers: this.#coordinators, sessionTimeoutMs: SESSION_TIMEOUT_MS, renewExpired: true },
      )
    })
  }

  drain(server: string): void {
    this.#order(`${PATHS.drain}/${server}`, 'create')
  }

  undrain(server: string): void {
    this.#order(`${PATHS.drain}/${server}`, 'delete')
  }

  /** Orders that a server seeds the chain with whatever it holds. */
  reset(config: ChainConfig, server: string): void {
    const path = resetPath(config.chain)
    const order = JSON.stringify({ server, incarnation: null })
    this.process.kernel.scheduler.promised()
    void this.#session?.create(path, order).catch(() => null)
  }

  #order(path: string, what: 'create' | 'delete'): void {
    this.#orders.set(path, what)
    this.process.kernel.scheduler.promised()
    void this.#carryOut(path, what)
  }

  async #carryOut(path: string, what: 'create' | 'delete'): Promise<void> {
    try {
      if (what === 'create') await this.#session?.create(path, null)
      else await this.#session?.delete(path)
    } catch (error) {
      if (
        isCoordinatorError(error, 'NODE_EXISTS', 'NO_NODE') &&
        (what === 'create') === isCoordinatorError(error, 'NODE_EXISTS')
      )
        return
      this.process.promiseTimers.after(AGAIN_MS, () => {
        if (this.#orders.get(path) === what) void this.#carryOut(path, what)
      })
    }
  }
}
