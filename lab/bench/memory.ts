/** What a million keys cost a server: resident memory, and the time until it serves again after a restart. */
import { connect } from '../../client/index.ts'
import { startLocalCluster } from '../../runtime/processes/local-cluster.ts'

const MIB = 1024 * 1024
const VALUE = 'v'.repeat(100)

export async function measureMemory(directory: string, entry: string, keys: number): Promise<void> {
  const cluster = await startLocalCluster({ directory, entry, logLevel: 'warn' })
  const client = await connect({ servers: cluster.clientServers, timeoutMs: 60_000 })
  try {
    const began = performance.now()
    let next = 0
    const worker = async () => {
      while (next < keys) await client.put(`million/${next++}`, VALUE)
    }
    await Promise.all(Array.from({ length: 512 }, worker))
    const seconds = (performance.now() - began) / 1000
    const statuses = await Promise.all(cluster.servers.map(({ name }) => cluster.serverStatus(name)))
    const resident = statuses.map((status) => Math.round((status?.residentBytes ?? 0) / MIB))
    console.log(
      `${keys} keys of 100 bytes imported in ${seconds.toFixed(1)} s (${Math.round(keys / seconds)}/s)`,
    )
    console.log(`  resident memory of the servers: ${resident.join(', ')} MiB (goal: < 1024 MiB)`)
    await cluster.stop()
    const restarted = performance.now()
    for (const process of cluster.processes) process.start()
    await client.get('million/0', { timeoutMs: 60_000 })
    console.log(
      `  restart of everything, until the first strong read: ${((performance.now() - restarted) / 1000).toFixed(1)} s (goal: < 10 s)`,
    )
    await cluster.untilWhole()
    const whole = (performance.now() - restarted) / 1000
    console.log(`  until the chain has all its members serving: ${whole.toFixed(1)} s`)
  } finally {
    await client.close()
    await cluster.stop()
  }
}
