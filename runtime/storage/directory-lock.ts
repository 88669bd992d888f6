import fs from 'node:fs'
import { join } from 'node:path'
import { createFileAtomically, writeFileAtomically } from './atomic-file.ts'

/** Who holds the lock: a pid alone could be another process's by now, hence the time at which it started. */
interface Holder {
  readonly pid: number
  /** Boot id and start time in clock ticks (Linux); `null` where the system does not tell. */
  readonly started: string | null
}

export interface DirectoryLock {
  release(): void
}

const ATTEMPTS_MAX = 20

/**
 * Takes a data directory for this process alone. The lock of a process that no longer runs is taken over at once.
 * Limit: processes that do not see each other's pids (two containers on one volume) are not kept apart.
 *
 * @throws {Error} naming the process that holds it.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, 'lock')
  const content = JSON.stringify(thisProcess())
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (createFileAtomically(path, content) || takeOver(path, content)) {
      return {
        release: () => {
          if (read(path) === content) fs.unlinkSync(path)
        },
      }
    }
    const holder = parse(read(path))
    if (holder !== null && isRunning(holder)) {
      throw new Error(
        `data directory ${directory} is in use by process ${holder.pid}. ` +
          'Stop that process, or give this one a directory of its own.',
      )
    }
  }
  throw new Error(`data directory ${directory}: other processes keep taking its lock`)
}

/** Replaces a dead process's lock. A second lock, held for that moment alone, keeps two from doing it at a time. */
function takeOver(path: string, content: string): boolean {
  const guard = `${path}.takeover`
  if (!createFileAtomically(guard, content)) {
    const other = parse(read(guard))
    if (other === null || !isRunning(other)) fs.rmSync(guard, { force: true })
    return false
  }
  try {
    const found = read(path)
    const holder = parse(found)
    if (found === null || (holder !== null && isRunning(holder))) return false
    writeFileAtomically(path, content)
    return true
  } finally {
    fs.rmSync(guard, { force: true })
  }
}

function thisProcess(): Holder {
  return { pid: process.pid, started: startOf(process.pid) }
}

function isRunning(holder: Holder): boolean {
  if (holder.started !== null) return startOf(holder.pid) === holder.started
  try {
    process.kill(holder.pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** When a process started, so that a reused pid is told apart; null if there is none or the system does not say. */
function startOf(pid: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    // A killed process that nobody has waited for yet (state Z) holds nothing any more.
    return fields[0] === 'Z' || fields[19] === undefined ? null : `${boot}:${fields[19]}`
  } catch {
    return null
  }
}

function read(path: string): string | null {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Null for a file that is no lock: it is treated as a dead process's. */
function parse(content: string | null): Holder | null {
  try {
    const value: unknown = JSON.parse(content ?? 'null')
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value)) return null
    const { pid, started } = value
    if (typeof pid !== 'number' || !(typeof started === 'string' || started === null)) return null
    return { pid, started }
  } catch {
    return null
  }
}
