/** What a torture stands on: which faults this machine allows, and the networks and disks that they need. */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalPlace } from '../../runtime/processes/local-cluster.ts'
import { BootIds } from './boot-ids.ts'
import { Disk } from './disk.ts'
import type { FaultKind } from './faults.ts'
import { Network } from './network.ts'

/** Null: allowed. Otherwise why not. */
export type Allowed = Readonly<Record<FaultKind, string | null>>

export interface Ground {
  readonly allowed: Allowed
  readonly network: Network | null
  readonly disks: ReadonlyMap<string, Disk>
  readonly bootIds: BootIds | null
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
  const mounted = typeof disks === 'object' && disks !== null ? disks.disks : new Map<string, Disk>()
  const bootIds = typeof disks === 'object' && disks !== null ? disks.bootIds : null
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
    bootIds,
    place: net === null && bootIds === null ? null : (name) => placeOf(name, net, bootIds),
    close: async () => {
      for (const disk of mounted.values()) await disk.close()
      net?.close()
    },
  }
}

function placeOf(name: string, network: Network | null, bootIds: BootIds | null): LocalPlace {
  const { host, launcher } = network?.place(name) ?? { host: '127.0.0.1', launcher: [] }
  return { host, launcher: [...(bootIds?.launcher(name) ?? []), ...launcher] }
}

async function tryNetwork(names: readonly string[], transport: string): Promise<Network | string> {
  if (transport !== 'tcp') return `over ${transport} the links between processes are the broker's`
  return Network.open(names).catch((error: Error) => error.message)
}

interface Disks {
  readonly disks: Map<string, Disk>
  readonly bootIds: BootIds
}

async function tryDisks(directory: string, names: readonly string[]): Promise<Disks | string> {
  const images = join(directory, 'disks')
  mkdirSync(images, { recursive: true })
  const refused = await tryOneDisk()
  if (refused !== null) return refused
  const paths = new Map(names.map((name) => [name, join(directory, name)]))
  const bootIds = await BootIds.open(join(images, 'boot-ids'), paths).catch((error: Error) => error.message)
  if (typeof bootIds === 'string') return bootIds
  const disks = new Map<string, Disk>()
  for (const [name, path] of paths) disks.set(name, await Disk.open(path, join(images, `${name}.img`)))
  return { disks, bootIds }
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
