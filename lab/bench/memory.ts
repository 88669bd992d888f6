/** What a million keys cost a server: resident memory, and the time until it serves again after a restart. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, connect } from '../../client/index.ts'
import { type LocalCluster, startLocalCluster } from '../../runtime/processes/local-cluster.ts'

const MIB = 1024 * 1024
const VALUE = 'v'.repeat(100)
const OUTSTANDING = 512
const SAMPLE_MS = 500

export async function measureMemory(directory: string, entry: string, keys: number): Promise<void> {
  const cluster = await startLocalCluster({ directory, entry, logLevel: 'warn' })
  const client = await connect({ servers: cluster.clientServers, timeoutMs: 60_000 })
  try {
    const peaks = await importKeys(cluster, client, keys)
    console.log(`  most resident memory of each server: ${peaks.join(', ')} MiB (goal: < 1024 MiB)`)
    await cluster.stop()
    const restarted = performance.now()
    for (const process of cluster.processes) process.start()
    const found = await client.get('million/0', { timeoutMs: 60_000 })
    if (found === null) throw new Error('a key is missing after the restart')
    console.log(
      `  restart of everything, until the first strong read: ${secondsSince(restarted)} s (goal: < 10 s)`,
    )
    await cluster.untilWhole()
    console.log(`  until the chain has all its members serving: ${secondsSince(restarted)} s`)
  } finally {
    await client.close()
    await cluster.stop()
  }
}

/** Returns the most that each server was seen to have resident, in MiB. */
async function importKeys(cluster: LocalCluster, client: Client, keys: number): Promise<number[]> {
  console.log(`Import of ${keys} keys with ${VALUE.length}-byte values, ${OUTSTANDING} outstanding`)
  const began = performance.now()
  let [next, printed, importing] = [0, 0, true]
  const peaks = new Map<string, number>()
  const watch = async () => {
    while (importing) {
      for (const { name } of cluster.servers) {
        const status = await cluster.serverStatus(name)
        peaks.set(name, Math.max(peaks.get(name) ?? 0, Math.round((status?.residentBytes ?? 0) / MIB)))
      }
      if (next - printed >= keys / 10) {
        printed = next
        console.log(
          `  ${next} keys after ${secondsSince(began)} s, resident ${[...peaks.values()].join(', ')} MiB`,
        )
      }
      await sleep(SAMPLE_MS)
    }
  }
  const watching = watch()
  const worker = async () => {
    while (next < keys) await client.put(`million/${next++}`, VALUE)
  }
  await Promise.all(Array.from({ length: OUTSTANDING }, worker))
  const seconds = (performance.now() - began) / 1000
  importing = false
  await watching
  console.log(`  imported in ${seconds.toFixed(1)} s (${Math.round(keys / seconds)}/s)`)
  return [...peaks.values()]
}

const secondsSince = (began: number) => ((performance.now() - began) / 1000).toFixed(1)
