/** Debian's Apache ZooKeeper as the ensemble of a test: three small virtual machines. */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from '../../lab/compare/systems/peer-process.ts'
import { startZooKeeperMembers, zookeeper } from '../../lab/compare/systems/zookeeper.ts'

const SMALL_HEAP = ['-Xms16m', '-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']

export interface ApacheZooKeeper {
  readonly addresses: readonly string[]
  readonly tickMs: number
  /** Place in `addresses`. */
  leader(): Promise<number>
  kill(place: number): Promise<void>
  restart(place: number): Promise<void>
  signal(place: number, signal: NodeJS.Signals): void
}

/** @throws with advice where it is not installed. */
export async function withApacheZooKeeper(
  { tickMs }: { readonly tickMs: number },
  story: (zookeeper: ApacheZooKeeper) => Promise<void>,
): Promise<void> {
  const missing = await zookeeper.missing()
  if (missing !== null) throw new Error(missing)
  const directory = mkdtempSync(join(tmpdir(), 'catenary-zookeeper-'))
  const { group, members } = await startZooKeeperMembers({
    ...{ directory, durability: 'durable', replicas: 3 },
    ...{ heap: SMALL_HEAP, tickMs },
  })
  const nameAt = (place: number) => members[place]?.process.name ?? ''
  try {
    await story({
      addresses: members.map(({ clientPort }) => `127.0.0.1:${clientPort}`),
      tickMs,
      leader: async () => {
        for (const [place, { clientPort, process }] of members.entries()) {
          const answer = process.running ? await ask(clientPort, 'srvr', () => false).catch(() => '') : ''
          if (answer.includes('Mode: leader')) return place
        }
        throw new Error('Apache ZooKeeper has no leader')
      },
      kill: (place) => group.kill(nameAt(place)),
      restart: (place) => group.restart(nameAt(place)),
      signal: (place, signal) => {
        const pid = members[place]?.process.pid
        if (pid !== undefined) process.kill(pid, signal)
      },
    })
  } finally {
    await group.end()
    await rm(directory, { recursive: true, force: true })
  }
}
