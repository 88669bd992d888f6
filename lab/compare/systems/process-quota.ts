/** A bound on the CPU time of a process, by a control group of its own: version 2 where it has the cpu controller, else version 1. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PERIOD_US = 100_000
const V1 = '/sys/fs/cgroup/cpu'
const V2 = '/sys/fs/cgroup'

export interface CpuQuota {
  /** Once the process is gone. Never throws. */
  remove(): void
}

/** @throws where this machine gives no way to do that (no control groups, or not the right to make one). */
export function limitCpu(options: {
  readonly name: string
  readonly pid: number
  readonly percentOfOneCore: number
}): CpuQuota {
  const quotaUs = Math.round((options.percentOfOneCore / 100) * PERIOD_US)
  const isV2 = hasCpuControllerV2()
  const group = join(isV2 ? V2 : V1, `catenary-${process.pid}-${options.name}-${options.pid}`)
  try {
    mkdirSync(group)
    if (isV2) writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${PERIOD_US}`)
    else {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US))
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quotaUs))
    }
    writeFileSync(join(group, 'cgroup.procs'), String(options.pid))
  } catch (error) {
    removeGroup(group)
    throw new Error(`${options.name}: its CPU time cannot be limited here (needs control groups, as root)`, {
      cause: error,
    })
  }
  return { remove: () => removeGroup(group) }
}

function hasCpuControllerV2(): boolean {
  try {
    return readFileSync(join(V2, 'cgroup.subtree_control'), 'utf8').split(/\s+/).includes('cpu')
  } catch {
    return false
  }
}

function removeGroup(group: string): void {
  try {
    if (existsSync(group)) rmdirSync(group)
  } catch {
    // Still in use by something that is ending: an empty group costs nothing.
  }
}
