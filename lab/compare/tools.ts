/** The runner's hands: load processes, CPU time, directories. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadRecords } from '../load/load-records.ts'
import { runLoadProcess } from '../load/run-load-process.ts'
import { cpuSecondsOf } from './process-cpu.ts'
import type { RunnerTools } from './runner.ts'

/** @param directory - holds the data of the systems, on the file system that is measured. */
export function runnerTools(directory: string): RunnerTools {
  let visits = 0
  return {
    load: (target, workload, signal) => loadRecords(target, workload, { signal }),
    measure: (task, { signal, onSpan }) => runLoadProcess(task, { signal, onSpan }),
    cpuSeconds: async (pid) => cpuSecondsOf(pid),
    isAlive(pid) {
      try {
        process.kill(pid, 0)
        return true
      } catch {
        return false
      }
    },
    makeDirectory(name) {
      // Its number makes it unlike all before, should one of those not go away.
      const path = join(directory, `${++visits}-${name}`)
      rmSync(path, { recursive: true, force: true })
      mkdirSync(path, { recursive: true })
      return path
    },
    removeDirectory: (path) =>
      rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }),
    wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
    nowMs: () => performance.now(),
  }
}
