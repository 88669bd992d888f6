/**
 * `npm run fuzz:bombs`: slow and greedy connections at every door of a small cluster, one way after the other, and what each costs: memory before, at most and after, how many
 * connections are left, and how long a well-behaved client waited. Prints a table. `--only TEXT` for those whose line contains it.
 */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect } from '../../../client/connect.ts'
import { type LocalCluster, startLocalCluster } from '../../../runtime/processes/local-cluster.ts'
import { megabytes } from '../command-line.ts'
import { ENTRY, ownBytes } from '../native/process-target.ts'
import { NativeWitness } from '../native/witness.ts'
import { LARGE_KEY, type Port, SCENARIOS, type Scenario } from './scenarios.ts'
import { Swarm } from './swarm.ts'

const LARGE_BYTES = 8 * 1024 * 1024
const SAMPLE_MS = 50
/** Time to give back what was taken. */
const REST_MS = 6000

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } })

async function main(): Promise<void> {
  const directory = fs.mkdtempSync(join(tmpdir(), 'catenary-bombs-'))
  const cluster = await startLocalCluster({
    ...{ directory, entry: ENTRY, coordinators: 1, servers: 1, replication: 1, redis: 'cluster' },
    ...{ durability: 'memory', logLevel: 'warn', sessionTimeoutMs: 10_000 },
  })
  try {
    const client = await connect({ servers: cluster.clientServers })
    await client.put(LARGE_KEY, new Uint8Array(LARGE_BYTES))
    await client.close()
    console.log(
      '| door | what comes | connections left | memory before | at most | after | slowest answer to another |',
    )
    console.log('| --- | --- | --- | --- | --- | --- | --- |')
    for (const scenario of SCENARIOS)
      if (`${scenario.port} ${scenario.what}`.includes(values.only)) await one(cluster, scenario)
  } finally {
    await cluster.stop()
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

async function one(cluster: LocalCluster, scenario: Scenario): Promise<void> {
  const name = ['peer', 'zookeeper'].includes(scenario.port) ? 'coordinator-1' : 'n1'
  const { pid } = cluster.process(name)
  if (pid === null) throw new Error(`${name} has ended:\n${cluster.process(name).log.slice(-3000)}`)
  const witness = await NativeWitness.connect(
    { addresses: cluster.clientServers, cluster: 'catenary', credentials: null },
    scenario.what,
  )
  await witness.look()
  witness.maxMs = 0
  const [before, handles] = [ownBytes(pid), handlesOf(pid)]
  let peak = before
  const sampler = setInterval(() => {
    if (cluster.process(name).isRunning) peak = Math.max(peak, ownBytes(pid))
  }, SAMPLE_MS)
  const watching = witness.run()
  const swarm = new Swarm(portOf(cluster, scenario.port, name))
  await Promise.race([scenario.attack(swarm), watching]) // which ends earlier where it was harmed
  const left = Math.max(0, handlesOf(pid) - handles)
  witness.stop()
  await watching
  clearInterval(sampler)
  swarm.leave()
  await witness.close()
  await sleep(REST_MS)
  const cells = [
    scenario.port,
    scenario.what,
    `${left} of ${swarm.count}`,
    megabytes(before),
    megabytes(peak),
  ]
  console.log(`| ${[...cells, megabytes(ownBytes(pid)), `${witness.maxMs.toFixed(0)} ms`].join(' | ')} |`)
}

/** As the server has them: a client that reads nothing does not hear that it was cut off. */
const handlesOf = (pid: number): number => fs.readdirSync(`/proc/${pid}/fd`).length

function portOf(cluster: LocalCluster, port: Port, name: string): number {
  switch (port) {
    case 'peer':
      return cluster.peerPort(name)
    case 'http':
      return cluster.httpPort(name)
    case 'redis':
      return cluster.redisPort(name)
    case 'native':
    case 'zookeeper':
      return cluster.port(name)
  }
}

await main()
