/** Clusters of real processes for the tests: started from what was built, watched for violations, removed when all was well. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CoordinatorClient, coordinator } from '../../client/coordinator/client.ts'
import { type Client, type ConnectOptions, connect } from '../../client/index.ts'
import {
  type LocalCluster,
  type LocalClusterOptions,
  startLocalCluster,
} from '../../runtime/processes/local-cluster.ts'
import { memberCredentials } from '../../runtime/security/link-proof.ts'
import { treeAccess } from '../../runtime/security/tree-access.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const ENTRY = join(ROOT, 'dist', 'cli', 'main.js')
/** The compiler writes this last. */
const STAMP = join(ROOT, 'dist', '.tsbuildinfo')
/** For a whole story, on a machine with other things to do. Each takes 10 to 25 s on an idle one. */
export const STORY_TIMEOUT_MS = 180_000
const ADVICE = 'run `node scripts/build-if-needed.mjs`, or `npm test`, which builds first'

/** What starts the processes. @throws with advice where dist/ is absent or older than the sources: it would test something else. */
export function builtEntry(): string {
  if (!existsSync(ENTRY) || !existsSync(STAMP)) throw new Error(`there is no dist/ to test: ${ADVICE}`)
  const builtMs = statSync(STAMP).mtimeMs
  const config = JSON.parse(readFileSync(join(ROOT, 'tsconfig.build.json'), 'utf8')) as { include: string[] }
  const newer = config.include.flatMap(filesBelow).find((path) => statSync(path).mtimeMs > builtMs)
  if (newer !== undefined) throw new Error(`${newer} is newer than dist/: ${ADVICE}`)
  return ENTRY
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((file) => file.isFile() && file.name.endsWith('.ts'))
    .map((file) => join(file.parentPath, file.name))
}

/** A cluster, and what a test opened to talk to it. */
export interface TestCluster {
  readonly cluster: LocalCluster
  /** As one of its processes, where it has a secret and `options` name nobody. */
  connect(options?: Partial<ConnectOptions>): Promise<Client>
  /** A session with its coordinators. */
  coordinator(): CoordinatorClient
  /** Ends everything. Keeps the directory, and says where it is, if the test has failed. */
  close(outcome: { failed: boolean }): Promise<void>
}

export async function startTestCluster(
  options: Omit<LocalClusterOptions, 'directory' | 'entry'> = {},
): Promise<TestCluster> {
  const entry = builtEntry()
  const directory = mkdtempSync(join(tmpdir(), 'catenary-cluster-'))
  const cluster = await startLocalCluster({ ...options, directory, entry })
  const { secret } = cluster
  const open: { close(): Promise<void> }[] = []
  return {
    cluster,
    async connect(more = {}) {
      const { transport = 'tcp' } = options
      const client = await connect({
        ...{ servers: cluster.clientServers, transport, timeoutMs: 20_000 },
        ...(secret !== null && transport === 'tcp' && memberCredentials(secret)),
        ...more,
      })
      open.push(client)
      return client
    },
    coordinator() {
      const client = coordinator({ servers: cluster.coordinatorAddresses, ...treeAccess(secret) })
      open.push(client)
      return client
    },
    async close({ failed }) {
      await Promise.all(open.map((client) => client.close()))
      await cluster.kill()
      if (failed) console.error(`kept for a look: ${directory}`)
      else await rm(directory, { recursive: true, force: true })
    },
  }
}

/**
 * Runs a story on a cluster of its own. Whatever the story asserts, no process may have stumbled over a bug meanwhile.
 *
 * @example
 * test('a tail dies', () => withCluster({}, async ({ cluster, connect }) => { ... }))
 */
export async function withCluster(
  options: Omit<LocalClusterOptions, 'directory' | 'entry'>,
  story: (cluster: TestCluster) => Promise<void>,
): Promise<void> {
  const test = await startTestCluster(options)
  let failed = true
  try {
    await story(test)
    checkLogs(test.cluster)
    failed = false
  } finally {
    await test.close({ failed })
  }
}

/** @throws where a process said that it found a bug, or said anything outside of its log: a stack trace, a warning of Node.js. */
export function checkLogs(cluster: LocalCluster): void {
  for (const { name, log } of cluster.processes) {
    const lines = log.split('\n').filter((line) => line !== '')
    const bad = lines.find((line) => !line.startsWith('{"level":') || line.startsWith('{"level":60'))
    if (bad !== undefined) throw new Error(`${name} stumbled; its log says:\n${bad}`)
  }
}

/** Awaits a condition that is looked at again and again. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not after ${timeoutMs} ms: ${what}`)
    await sleep(50)
  }
}

/** Members of a chain, head first, by the newest configuration that a running server knows. */
export async function membersOf(cluster: LocalCluster, chain = 'c0'): Promise<string[]> {
  return (await cluster.chain(chain))?.members.map((member) => member.server) ?? []
}

export type Position = 'head' | 'middle' | 'tail'

/** Who has a position in a chain, once it is whole: a busy machine may have cost somebody its session a moment ago. */
export async function memberAt(cluster: LocalCluster, position: Position): Promise<string> {
  await cluster.untilWhole()
  const members = await membersOf(cluster)
  const found = { head: members[0], middle: members[1], tail: members.at(-1) }[position]
  if (found === undefined) throw new Error('the chain has no members')
  return found
}

/** Awaits that a chain goes on without a server. */
export function untilDropped(cluster: LocalCluster, server: string, chain = 'c0'): Promise<void> {
  return until(`${server} is dropped from ${chain}`, async () => {
    const members = await membersOf(cluster, chain)
    return members.length > 0 && !members.includes(server)
  })
}

export const ms = (value: number) => `${Math.round(value)} ms`
