/** Three coordinators as real processes, without data servers; and clients that know which of them they talk to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { nodePlatform } from '../../client/coordinator/node-platform.ts'
import { coordinatorOver } from '../../client/coordinator/session-client.ts'
import { type LocalCluster, layOutCluster } from '../../runtime/processes/local-cluster.ts'
import { builtEntry, checkLogs, until } from './cluster.ts'

export interface Coordinators {
  readonly cluster: LocalCluster
  readonly addresses: readonly string[]
  /** @param options.first - the member to dial first. */
  client(options?: { first?: string; sessionTimeoutMs?: number }): LocatedClient
  leader(): Promise<string>
  follower(): Promise<string>
  /** SIGKILL, and a new process on the same data once another one leads. */
  killAndRestart(name: string): Promise<void>
  untilServing(): Promise<void>
}

export interface LocatedClient {
  readonly client: CoordinatorClient
  /** The member that it has dialed last. */
  member(): string
}

export async function withCoordinators(story: (coordinators: Coordinators) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'catenary-coordinators-'))
  const cluster = await layOutCluster({ directory, entry: builtEntry(), servers: 0 })
  const clients: CoordinatorClient[] = []
  const nameOfPort = new Map(cluster.coordinators.map(({ name }) => [cluster.port(name), name]))

  const leader = async () => {
    let found: string | null = null
    await until('somebody leads', async () => {
      found = await cluster.leader()
      return found !== null
    })
    return found ?? ''
  }
  const serves = async (name: string) => {
    const status = await cluster.coordinatorStatus(name)
    return status !== null && status.leader !== null
  }
  const coordinators: Coordinators = {
    cluster,
    addresses: cluster.coordinatorAddresses,
    client({ first, sessionTimeoutMs = 4000 } = {}) {
      const servers = [...cluster.coordinatorAddresses]
      if (first !== undefined) servers.unshift(...servers.splice(servers.indexOf(cluster.address(first)), 1))
      let dialed = 0
      const platform = {
        ...nodePlatform,
        random: () => (first === undefined ? Math.random() : 0),
        dial: (...[address, events]: Parameters<typeof nodePlatform.dial>) => {
          dialed = address.port
          return nodePlatform.dial(address, events)
        },
      }
      const client = coordinatorOver({ servers, sessionTimeoutMs }, platform)
      clients.push(client)
      return { client, member: () => nameOfPort.get(dialed) ?? '' }
    },
    leader,
    async follower() {
      const leads = await leader()
      return cluster.coordinators.find(({ name }) => name !== leads)?.name ?? ''
    },
    async killAndRestart(name) {
      const process = cluster.process(name)
      await process.kill()
      await leader()
      process.start()
    },
    untilServing: () =>
      until('every member serves', async () =>
        (await Promise.all(cluster.coordinators.map(({ name }) => serves(name)))).every(Boolean),
      ),
  }
  let failed = true
  try {
    for (const process of cluster.processes) process.start()
    await coordinators.untilServing()
    await story(coordinators)
    checkLogs(cluster)
    failed = false
  } finally {
    await Promise.all(clients.map((client) => client.close()))
    await cluster.kill()
    if (failed) console.error(`kept for a look: ${directory}`)
    else await rm(directory, { recursive: true, force: true })
  }
}

/**
 * A program of others that talks to the ensemble, and may ask for a kill: a line `kill leader` or `kill follower` on its standard output is answered by a line on its standard
 * input once it is done.
 *
 * @returns its status, and all that it printed.
 */
export async function runWithKills(
  coordinators: Coordinators,
  command: { readonly program: string; readonly args: readonly string[]; readonly env?: NodeJS.ProcessEnv },
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command.program, command.args, { env: { ...process.env, ...command.env } })
  let output = ''
  let line = ''
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const failures: unknown[] = []
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    const lines = (line + chunk.toString()).split('\n')
    line = lines.pop() ?? ''
    for (const words of lines) {
      const [, part] = /^kill (leader|follower)$/.exec(words) ?? []
      if (part !== undefined)
        obey(coordinators, part, child).catch((error: unknown) => {
          failures.push(error)
          child.kill('SIGKILL')
        })
    }
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (failures.length > 0) throw failures[0]
  return { code, output }
}

async function obey(coordinators: Coordinators, part: string, child: ChildProcess): Promise<void> {
  const name = part === 'leader' ? await coordinators.leader() : await coordinators.follower()
  await coordinators.killAndRestart(name)
  child.stdin?.write(`${name}\n`)
}
