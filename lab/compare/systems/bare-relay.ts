import { join } from 'node:path'
import type { RunningSystem, System, SystemOptions } from '../system.ts'
import { BARE_ENTRY, BareGroup } from './bare-group.ts'
import { missingUnlessBuilt } from './own-program.ts'

const CODEC = {
  fixed: {
    id: 'bare-relay',
    title: 'Bare Node.js, writes down a row',
    says: 'fixed binary: what Node.js processes can do at best',
  },
  fields: {
    id: 'bare-relay-fields',
    title: 'Bare Node.js, writes down a row in Catenary’s codec',
    says: 'frames and codec of the native protocol, and nothing else',
  },
} as const

/** Yardstick: processes in a row that pass writes on, with or without a disk. No epochs, no recovery, no exactly-once. */
export function bareRelay(codec: 'fields' | 'fixed'): System {
  const { id, title } = CODEC[codec]
  return {
    id,
    title,
    kind: 'yardstick',
    effort: { ways: 1, startMs: 900 },
    supports: ({ durability }) => durability !== 'relaxed',
    missing: async () => missingUnlessBuilt(BARE_ENTRY),
    start: (options) => start(codec, options),
  }
}

async function start(codec: 'fields' | 'fixed', options: SystemOptions): Promise<RunningSystem> {
  const { replicas, durability, directory } = options
  const { id, title, says } = CODEC[codec]
  const isDurable = durability === 'durable'
  const group = new BareGroup()
  try {
    // The last one first, since each dials the next.
    let port = 0
    for (let place = replicas; place >= 1; place--) {
      const part = place === 1 ? 'head' : place === replicas ? 'tail' : 'middle'
      const file = isDurable ? join(directory, `relay-${place}`) : null
      port = await group.add(`relay-${place}`, part, { role: 'relay', codec, next: port, file })
    }
    return {
      record: {
        id,
        title,
        kind: 'yardstick',
        version: process.version,
        replicas,
        durability: isDurable
          ? 'every process: one fdatasync for all that arrived during the one before'
          : 'none: Maps in memory',
        flags: [says],
        client: 'the same bytes, one connection',
      },
      variants: [{ name: 'first process', level: 'none', target: { kind: 'bare', port, codec } }],
      processes: () => group.processes(),
      traffic: async () => null,
      stop: () => group.stop(),
    }
  } catch (error) {
    await group.stop()
    throw error
  }
}
