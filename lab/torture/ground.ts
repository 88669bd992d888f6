/** What a torture stands on: which faults this machine allows, and the networks and disks that they need. */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalPlace } from '../../runtime/processes/local-cluster.ts'
import { Disk } from './disk.ts'
import type { FaultKind } from './faults.ts'
import { Network } from './network.ts'

/** Null: allowed. Otherwise why not. */
export type Allowed = Readonly<Record<FaultKind, string | null>>

export interface Ground {
  readonly allowed: Allowed
  readonly network: Network | null
  readonly disks: ReadonlyMap<string, Disk>
  readonly place: ((name: string) => LocalPlace) | null
  close(): Promise<void>
}

const NETWORK_FAULTS: readonly FaultKind[] = ['partition', 'slow']
const DISK_FAULTS: readonly FaultKind[] = ['disk-full', 'power-cut']

/** Prepares what the wanted faults need, as far as this machine allows it; what it does not allow is told, not thrown. */
export async function prepareGround(options: {
  readonly directory: string
  readonly names: readonly string[]
  readonly faults: readonly FaultKind[]
  readonly transport: string
}): Promise<Ground> {
  const { directory, names, faults, transport } = options
  const wants = (kinds: readonly FaultKind[]) => faults.some((fault) => kinds.includes(fault))
  const network = wants(NETWORK_FAULTS) ? await tryNetwork(names, transport) : null
  const disks = wants(DISK_FAULTS) ? await tryDisks(directory, names) : null
  const net = network instanceof Network ? network : null
  const mounted = disks instanceof Map ? disks : new Map<string, Disk>()
  const noNetwork = typeof network === 'string' ? network : null
  const noDisks = typeof disks === 'string' ? disks : null
  return {
    allowed: {
      kill: null,
      pause: null,
      partition: noNetwork,
      slow: noNetwork,
      'disk-full': noDisks,
      'power-cut': noDisks,
    },
    network: net,
    disks: mounted,
    place: net === null ? null : (name) => net.place(name),
    close: async () => {
      for (const disk of mounted.values()) await disk.close()
      net?.close()
    },
  }
}

async function tryNetwork(names: readonly string[], transport: string): Promise<Network | string> {
  if (transport !== 'tcp') return `over ${transport} the links between processes are the broker's`
  return Network.open(names).catch((error: Error) => error.message)
}

async function tryDisks(directory: string, names: readonly string[]): Promise<Map<string, Disk> | string> {
  const images = join(directory, 'disks')
  mkdirSync(images, { recursive: true })
  const refused = await tryOneDisk()
  if (refused !== null) return refused
  const disks = new Map<string, Disk>()
  for (const name of names)
    disks.set(name, await Disk.open(join(directory, name), join(images, `${name}.img`)))
  return disks
}

/** All that a disk will have to do. */
async function tryOneDisk(): Promise<string | null> {
  const directory = mkdtempSync(join(tmpdir(), 'catenary-disk-'))
  try {
    const disk = await Disk.open(join(directory, 'mounted'), join(directory, 'image'), 64 * 1024 ** 2)
    try {
      await disk.cutPower()
      return null
    } finally {
      await disk.close()
    }
  } catch (error) {
    return (error as Error).message
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
