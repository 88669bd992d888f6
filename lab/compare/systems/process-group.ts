/** Several servers that are one store: all come up, or none is left running. */
import { type CpuQuota, openedCpuQuota } from '../cpu-quota.ts'
import { type PeerCommand, PeerProcess } from './peer-process.ts'

export class PeerGroup {
  readonly processes: PeerProcess[] = []
  readonly #readyMs: number
  readonly #isReady = new Map<PeerProcess, () => Promise<boolean>>()
  #quota: CpuQuota | null = null

  constructor(options: { readonly readyMs: number }) {
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
      // One by one: what is launched while another fails would be left running.
      for (const process of this.processes) await process.launch()
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
    await process.launch()
    await this.#ready(process)
  }

  /** Never throws. */
  async end(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.end()))
    this.#quota?.close()
    this.#quota = null
  }

  /** Of one core, for each process that runs now. @throws where the machine cannot do that. */
  limit(percent: number): void {
    this.#quota ??= openedCpuQuota()
    for (const process of this.running) this.#quota.limit(process.name, process.pid, percent)
  }

  #ready(process: PeerProcess): Promise<void> {
    return process.ready(this.#isReady.get(process) ?? (async () => true), this.#readyMs)
  }

  #named(name: string): PeerProcess {
    const found = this.processes.find((process) => process.name === name)
    if (found !== undefined) return found
    throw new Error(
      `no server ${name}: there are ${this.processes.map((process) => process.name).join(', ')}`,
    )
  }
}
