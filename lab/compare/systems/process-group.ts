/** Several servers that are one store: all come up, or none is left running. */
import type { PeerProcess } from './peer-process.ts'

export interface Starting {
  readonly process: PeerProcess
  readonly isReady: () => Promise<boolean>
  readonly timeoutMs: number
}

/** @throws what the first that failed says; the others are ended then. */
export async function startAll(starting: readonly Starting[]): Promise<void> {
  const processes = starting.map(({ process }) => process)
  try {
    await Promise.all(processes.map((process) => process.launch()))
    await Promise.all(starting.map((one) => one.process.ready(one.isReady, one.timeoutMs)))
  } catch (error) {
    await endAll(processes)
    throw error
  }
}

/** Never throws. */
export async function endAll(processes: readonly PeerProcess[]): Promise<void> {
  await Promise.all(processes.map((process) => process.end()))
}

export function processNamed(processes: readonly PeerProcess[], name: string): PeerProcess {
  const found = processes.find((process) => process.name === name)
  if (found !== undefined) return found
  throw new Error(`no server ${name}: there are ${processes.map((process) => process.name).join(', ')}`)
}
