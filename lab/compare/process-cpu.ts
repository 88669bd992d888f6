import { readFileSync } from 'node:fs'

/** Of /proc: Linux tells user space hundredths of a second, whatever the kernel counts in. */
const TICKS_PER_SECOND = 100
/** Fields of /proc/<pid>/stat after the program's name: the state is the first. */
const USER = 11
const SYSTEM = 12

/**
 * CPU time that a process has used so far, in seconds: all its threads, in user and in kernel mode; not its children.
 *
 * @returns null where there is no such process, or no /proc.
 */
export function cpuSecondsOf(pid: number): number | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return null
  }
  // The name stands in brackets and may hold anything, brackets and blanks too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[USER]) + Number(fields[SYSTEM])
  return Number.isFinite(ticks) ? ticks / TICKS_PER_SECOND : null
}

/**
 * What processes use of the CPU from now on: take it, run the load, and ask.
 *
 * @example
 * const spent = cpuSpentFrom([{ name: 'n1', pid }])
 * await runLoadProcess(task)
 * const { n1 } = spent()
 */
export function cpuSpentFrom(
  processes: readonly { readonly name: string; readonly pid: number }[],
): () => Record<string, number> {
  const before = processes.map(({ name, pid }) => ({ name, pid, seconds: cpuSecondsOf(pid) ?? 0 }))
  return () =>
    Object.fromEntries(
      // A process that has ended meanwhile takes its figure with it.
      before.map(({ name, pid, seconds }) => [name, Math.max(0, (cpuSecondsOf(pid) ?? seconds) - seconds)]),
    )
}
