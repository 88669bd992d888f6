/** Several servers that are one store: all come up, or none is left running. */
import { type CpuQuota, openCpuQuota } from '../cpu-quota.ts'
import { type PeerCommand, PeerProcess } from './peer-process.ts'

export class PeerGroup {
  readonly processes: PeerProcess[] = []
  readonly #quotaPercent: number | null
  readonly #readyMs: number
  readonly #isReady = new Map<PeerProcess, () => Promise<boolean>>()
  #quota: CpuQuota | null = null

  /** @param options.quotaPercent - of one core, for each process; null for no limit. */
  constructor(options: { readonly quotaPercent: number | null; readonly readyMs: number }) {
    this.#quotaPercent = options.quotaPercent
    this.#readyMs = options.readyMs
  }

  /** @param isReady - may throw for "not yet". */
  add(command: PeerCommand, isReady: () => Promise<boolean>): PeerProcess {
    const process = new PeerProcess(command)
    this.processes.push(process)
    this.#isReady.set(process, isReady)
    return process
  }

  get running(): PeerProcess[] {
    return this.processes.filter((process) => process.running)
  }

  /** @throws what the first that failed says; the others are ended then. */
  async start(): Promise<void> {
    try {
      this.#openQuota()
      // One by one: what is launched while another fails would be left running.
      for (const process of this.processes) await this.#launch(process)
      await Promise.all(this.processes.map((process) => this.#ready(process)))
    } catch (error) {
      await this.end()
      throw error
    }
  }

  async kill(name: string): Promise<void> {
    await this.#named(name).kill()
  }

  /** @throws where it does not come up in time. */
  async restart(name: string): Promise<void> {
    const process = this.#named(name)
    await process.kill()
    await this.#launch(process)
    await this.#ready(process)
  }

  /** Never throws. */
  async end(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.end()))
    this.#quota?.close()
    this.#quota = null
  }

  async #launch(process: PeerProcess): Promise<void> {
    await process.launch()
    if (this.#quotaPercent !== null && process.running)
      this.#quota?.limit(process.name, process.pid, this.#quotaPercent)
  }

  #ready(process: PeerProcess): Promise<void> {
    return process.ready(this.#isReady.get(process) ?? (async () => true), this.#readyMs)
  }

  #openQuota(): void {
    if (this.#quotaPercent === null) return
    const opened = openCpuQuota()
    if (opened.quota === null) throw new Error(`CPU time cannot be limited: ${opened.reason}`)
    this.#quota = opened.quota
  }

  #named(name: string): PeerProcess {
    const found = this.processes.find((process) => process.name === name)
    if (found !== undefined) return found
    throw new Error(
      `no server ${name}: there are ${this.processes.map((process) => process.name).join(', ')}`,
    )
  }
}
