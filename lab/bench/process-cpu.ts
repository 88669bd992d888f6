/** Processor time of other processes: on a shared machine it is what can be compared; wall clock is not. */
import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds that a process has had a processor, all its threads together. 0 where the system does not tell (anything but Linux). */
export function cpuUsOf(pid: number): number {
  let ns = 0
  for (const thread of threadsOf(pid)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    } catch {
      // It has ended meanwhile.
    }
  }
  return ns / 1000
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}
