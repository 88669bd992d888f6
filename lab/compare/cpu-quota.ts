/**
 * Bounds on the CPU time of processes, by Linux control groups: so that on one machine each replica has a share of its own, as on machines of their own. Both
 * versions of control groups; where neither can be written, a reason.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Short, so that a process that has used up its share waits for milliseconds and not for a tenth of a second. */
const PERIOD_US = 10_000
/** The kernel takes no less. */
const QUOTA_US_MIN = 1000

export interface CpuQuota {
  readonly version: 1 | 2
  /**
   * From now on this process and all that it starts get so much of one core.
   *
   * @throws where the process is gone.
   */
  limit(name: string, pid: number, percentOfOneCore: number): void
  /** Sets everybody free who is still there and removes what was made. Never throws. */
  close(): void
}

export type CpuQuotaOrReason =
  | { readonly quota: CpuQuota }
  | { readonly quota: null; readonly reason: string }

/** @param options - where to look, for tests. Default: as the kernel shows it. */
export function openCpuQuota(options: { mounts?: string; ownGroups?: string } = {}): CpuQuotaOrReason {
  const mounts = textOf(options.mounts ?? '/proc/self/mounts')
  const ownGroups = textOf(options.ownGroups ?? '/proc/self/cgroup')
  if (mounts === null || ownGroups === null)
    return { quota: null, reason: 'no control groups here: /proc tells of none' }
  const first = mounted(mounts, ownGroups, 1)
  const second = mounted(mounts, ownGroups, 2)
  const reasons: string[] = []
  for (const [version, folder] of [
    [1, first],
    [2, second],
  ] as const) {
    if (folder === null) continue
    try {
      return { quota: new CpuGroups(version, folder) }
    } catch (error) {
      reasons.push(`version ${version} at ${folder}: ${(error as Error).message}`)
    }
  }
  if (reasons.length === 0)
    return { quota: null, reason: 'no control group with a cpu controller is mounted' }
  return { quota: null, reason: `no control group can be made here: ${reasons.join('; ')}` }
}

/** @throws where there is none, saying why. */
export function openedCpuQuota(): CpuQuota {
  const opened = openCpuQuota()
  if (opened.quota === null) throw new Error(`CPU cannot be limited: ${opened.reason}`)
  return opened.quota
}

/** The folder of the group in which this process is. */
function mounted(mounts: string, ownGroups: string, version: 1 | 2): string | null {
  const isCpu = (controllers: string) => controllers.split(',').includes('cpu')
  const mount = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , type, flags = '']) =>
      version === 1 ? type === 'cgroup' && isCpu(flags) : type === 'cgroup2',
    )
  const root = mount?.[1]
  if (root === undefined) return null
  const own = ownGroups
    .split('\n')
    .map((line) => line.split(':'))
    .find(([number, controllers = '']) => (version === 1 ? isCpu(controllers) : number === '0'))
  const folder = join(root, own?.[2] ?? '')
  if (version === 2 && !(textOf(join(root, 'cgroup.controllers')) ?? '').split(/\s+/).includes('cpu'))
    return null
  // In a container the path may be the host's: the root is then its own.
  return existsSync(folder) ? folder : root
}

class CpuGroups implements CpuQuota {
  readonly version: 1 | 2
  readonly #parent: string
  readonly #folder: string

  /** @throws where it cannot be written. */
  constructor(version: 1 | 2, parent: string) {
    this.version = version
    this.#parent = parent
    this.#folder = join(parent, `catenary-${process.pid}-${Date.now().toString(36)}`)
    if (version === 2) enableCpu(parent)
    mkdirSync(this.#folder)
    try {
      if (version === 2) enableCpu(this.#folder)
      const trial = join(this.#folder, 'trial')
      mkdirSync(trial)
      this.#write(trial, 100)
      rmdirSync(trial)
    } catch (error) {
      this.close()
      throw error
    }
  }

  limit(name: string, pid: number, percentOfOneCore: number): void {
    const group = join(this.#folder, name)
    mkdirSync(group, { recursive: true })
    this.#write(group, percentOfOneCore)
    writeFileSync(join(group, 'cgroup.procs'), String(pid))
  }

  #write(group: string, percent: number): void {
    const quotaUs = Math.max(QUOTA_US_MIN, Math.round((percent / 100) * PERIOD_US))
    if (this.version === 2) {
      writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${PERIOD_US}`)
      return
    }
    writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US))
    writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quotaUs))
  }

  close(): void {
    for (const group of groupsIn(this.#folder)) {
      for (const pid of (textOf(join(group, 'cgroup.procs')) ?? '').split('\n').filter(Boolean)) {
        try {
          writeFileSync(join(this.#parent, 'cgroup.procs'), pid)
        } catch {
          // It has ended meanwhile.
        }
      }
      removeGroup(group)
    }
    removeGroup(this.#folder)
  }
}

/** Version 2 hands a controller down only where the parent says so. @throws where it may not be said. */
function enableCpu(folder: string): void {
  const file = join(folder, 'cgroup.subtree_control')
  if (!(textOf(file) ?? '').split(/\s+/).includes('cpu')) writeFileSync(file, '+cpu')
}

function groupsIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(folder, name))
  } catch {
    return []
  }
}

function removeGroup(group: string): void {
  try {
    rmdirSync(group)
  } catch {
    // Somebody is ending in it at this moment: an empty group costs nothing.
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
