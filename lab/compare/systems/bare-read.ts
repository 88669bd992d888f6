import type { System } from '../system.ts'
import { BARE_ENTRY, BareGroup } from './bare-group.ts'
import { missingUnlessBuilt } from './own-program.ts'

const CODEC = {
  fixed: {
    id: 'bare-read',
    title: 'Bare Node.js, reads',
    says: 'fixed binary: what a Node.js process can do at best',
  },
  fields: {
    id: 'bare-read-fields',
    title: 'Bare Node.js, reads in Catenary’s codec',
    says: 'frames and codec of the native protocol, and nothing else',
  },
} as const

/** Yardstick: one process with a Map, and no store. */
export function bareRead(codec: 'fields' | 'fixed'): System {
  const { id, title, says } = CODEC[codec]
  return {
    id,
    title,
    kind: 'yardstick',
    effort: { ways: 1, startMs: 600 },
    supports: ({ durability }) => durability === 'memory',
    missing: async () => missingUnlessBuilt(BARE_ENTRY),
    async start() {
      const group = new BareGroup()
      try {
        const port = await group.add('bare', 'server', { role: 'server', codec })
        return {
          record: {
            id,
            title,
            kind: 'yardstick',
            version: process.version,
            replicas: 1,
            durability: 'none: one Map in memory',
            flags: [says],
            client: 'the same bytes, one connection',
          },
          variants: [{ name: 'one process', level: 'none', target: { kind: 'bare', port, codec } }],
          processes: () => group.processes(),
          traffic: async () => null,
          stop: () => group.stop(),
        }
      } catch (error) {
        await group.stop()
        throw error
      }
    },
  }
}
