/** The whole system in a minute: real processes, real data, real kills; and an account of what each kill cost. */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import cliProgress from 'cli-progress'
import { type Client, connect } from '../../client/index.ts'
import type { Lab } from '../../lab/page/serve/open-lab.ts'
import type { Durability } from '../../protocol/cluster.ts'
import { type LocalCluster, startLocalCluster } from '../../runtime/processes/local-cluster.ts'
import { type CityRecord, loadCities } from './cities.ts'
import { FAULTS, type FaultReport, suffer } from './faults.ts'
import { Load } from './load.ts'
import { openDemoPage } from './page.ts'
import { faultTable, nextSteps, verdictText } from './report.ts'
import { type Verdict, verify } from './verify.ts'

export interface DemoOptions {
  /** Keeps the data here; null: a temporary directory, removed at the end. */
  readonly data: string | null
  readonly exit: boolean
  readonly durability: Durability
  readonly transport: string
  /** Import only so many cities. */
  readonly cities: number
}

const CLIENTS = 4
const PAIRS_PER_CLIENT = 8
const IMPORT_OUTSTANDING = 256

const started = performance.now()
const say = (text: string) =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`)

/** Runs the demo. @returns the exit status: 0 where nothing was lost, done twice or read wrongly. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const directory = options.data ?? mkdtempSync(join(tmpdir(), 'catenary-demo-'))
  let cluster: LocalCluster | null = null
  let lab: Lab | null = null
  let busy: string | null = 'the demo breaks things by itself until it has printed its account'
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  const cleanUp = async () => {
    say('stopping')
    await lab?.close()
    await cluster?.stop()
    if (options.data === null) await rm(directory, { recursive: true, force: true })
  }
  try {
    say(
      `data and logs in ${directory}${options.data === null ? ' (removed at the end; --data keeps it)' : ''}`,
    )
    const entry = fileURLToPath(new URL('../main.js', import.meta.url))
    cluster = await startLocalCluster({
      directory,
      entry,
      durability: options.durability,
      transport: options.transport,
      redis: 'cluster',
    })
    lab = await openDemoPage(cluster, () => busy)
    say(`the page, and this cluster live on it: ${lab.url}`)
    const finished = await Promise.race([story(cluster, options), interrupted.then(() => null)])
    if (finished === null) return 130
    if (!options.exit) {
      busy = null
      console.log(`\n${nextSteps(cluster, lab.url)}\n\nThe cluster stays up until Ctrl-C.`)
      await interrupted
    }
    return finished
  } finally {
    await cleanUp()
  }
}

async function story(cluster: LocalCluster, options: DemoOptions): Promise<number> {
  const chain = await cluster.chain()
  say(
    `three coordinators (Raft leader: ${await cluster.leader()}) and three data servers are up, as processes ${cluster.processes.map((p) => p.pid).join(', ')}`,
  )
  say(
    `chain c0: ${chain?.members.map((member) => member.server).join(' -> ')} (head -> tail), durability ${options.durability}`,
  )
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () =>
      connect({ servers: cluster.clientServers, transport: options.transport, timeoutMs: 20_000 }),
    ),
  )
  try {
    const cities = (await loadCities()).slice(0, options.cities)
    await importCities(clients, cities)
    const load = new Load(clients, cities)
    say(
      `${CLIENTS} clients, ${CLIENTS * PAIRS_PER_CLIENT} readers (strong, any replica) and as many writers (puts and increments)`,
    )
    load.start(PAIRS_PER_CLIENT)
    const reports: FaultReport[] = []
    for (const fault of FAULTS) reports.push(await suffer(cluster, load, fault, say))
    await load.stop()
    const [client] = clients
    if (client === undefined) return 1
    const verdict = await verify(client, load)
    console.log(`\n${faultTable(reports)}\n\n${verdictText(verdict)}`)
    return isClean(verdict) ? 0 : 1
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

const isClean = ({ lost, duplicated, wrongReads }: Verdict) =>
  lost === 0 && duplicated === 0 && wrongReads === 0

async function importCities(clients: readonly Client[], cities: readonly CityRecord[]): Promise<void> {
  const bar = new cliProgress.SingleBar(
    {
      format:
        '          importing cities |{bar}| {percentage}%  {value}/{total}  {rate}/s  {eta_formatted} left',
      noTTYOutput: false,
      hideCursor: true,
    },
    cliProgress.Presets.shades_classic,
  )
  const began = performance.now()
  bar.start(cities.length, 0, { rate: 0 })
  let next = 0
  let done = 0
  const worker = async (client: Client) => {
    for (let city = cities[next++]; city !== undefined; city = cities[next++]) {
      await client.put(city.key, city.value)
      done++
      if (done % 1000 === 0) bar.update(done, { rate: rateOf(done, began) })
    }
  }
  await Promise.all(
    Array.from({ length: IMPORT_OUTSTANDING }, (_, i) => worker(clients[i % clients.length] as Client)),
  )
  bar.update(done, { rate: rateOf(done, began) })
  bar.stop()
  say(
    `imported ${done} cities (GeoNames, CC-BY 4.0) at ${rateOf(done, began)} writes/s, each on three disks before its acknowledgement`,
  )
}

const rateOf = (count: number, began: number) => Math.round((count * 1000) / (performance.now() - began))
