/**
 * What a snapshot of a large tree costs a coordinator's clients, and how long a member takes to come back with it. One member with
 * 100,000 znodes of 100 bytes; setData goes on, one at a time, while snapshots are taken.
 *
 *     node dist/lab/bench/coordinator-snapshot.js [znodes]
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pino } from 'pino'
import { type CoordinatorClient, coordinator } from '../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import { OPEN_ACL } from '../../coordinator/znodes/acl.ts'
import { apply } from '../../coordinator/znodes/apply.ts'
import { snapshotTree } from '../../coordinator/znodes/snapshot.ts'
import { SnapshotWalk } from '../../coordinator/znodes/snapshot-walk.ts'
import { newTree, type ZnodeTree } from '../../coordinator/znodes/tree.ts'
import { startCoordinator } from '../../runtime/coordinator/coordinator.ts'
import { openDataDirectory } from '../../runtime/storage/data-directory.ts'

const DATA = 'x'.repeat(100)
const PER_PARENT = 1000
const OUTSTANDING = 500
const SNAPSHOT_ENTRIES = 10_000

const ms = (value: number): string => `${value.toFixed(1)} ms`
const pathOf = (n: number): string => `/p${Math.floor(n / PER_PARENT)}/n${n % PER_PARENT}`

function timed(work: () => void): number {
  const begun = performance.now()
  work()
  return performance.now() - begun
}

function treeOf(count: number): ZnodeTree {
  const tree = newTree()
  const owner = { member: 1, connection: 1 }
  const entry = { timeWallMs: 1, owner, identities: null }
  const create = { type: 'create-session', timeoutMs: 1000 } as const
  const { opened } = apply(tree, 1, { ...entry, session: 0n, order: 0, op: create })
  const data = new TextEncoder().encode(DATA)
  for (let n = 0, order = 0; n < count; n++) {
    const paths = n % PER_PARENT === 0 ? [`/p${n / PER_PARENT}`, pathOf(n)] : [pathOf(n)]
    for (const path of paths) {
      order += 1
      const op = { type: 'create', path, data, acl: OPEN_ACL, flags: 0 } as const
      apply(tree, tree.zxid + 1, { ...entry, session: opened, order, op })
    }
  }
  return tree
}

/** The core alone: all at once, as it was before; and in slices. */
function measureCore(count: number): void {
  const tree = treeOf(count)
  snapshotTree(tree) // warm
  const wholeMs = timed(() => {
    createHash('sha256').update(snapshotTree(tree)).digest()
  })
  const warm = new SnapshotWalk(tree)
  while (warm.next() !== null);
  let walk: SnapshotWalk | null = null
  const beginMs = timed(() => {
    walk = new SnapshotWalk(tree)
  })
  const slices: number[] = []
  for (let more = true; more; ) {
    slices.push(
      timed(() => {
        more = walk?.next() !== null
      }),
    )
  }
  console.log(`all at once: one pause of ${ms(wholeMs)}`)
  console.log(
    `in slices: begins in ${ms(beginMs)}, the longest of ${slices.length} takes ${ms(Math.max(...slices))}`,
  )
}

/** As soon as there is a leader. */
async function served(client: CoordinatorClient): Promise<void> {
  for (;;) {
    try {
      return await client.sync('/')
    } catch (error) {
      if (!isCoordinatorError(error, 'CONNECTION_LOSS')) throw error
    }
  }
}

async function inBatches(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += OUTSTANDING)
    await Promise.all(Array.from({ length: Math.min(OUTSTANDING, count - from) }, (_, n) => work(from + n)))
}

async function fill(client: CoordinatorClient, count: number): Promise<void> {
  await inBatches(Math.ceil(count / PER_PARENT), (n) => client.create(`/p${n}`, null))
  await inBatches(count, (n) => client.create(pathOf(n), DATA))
}

/** A member at work: the longest time that its process did nothing else, and that a write took, with and without snapshots. */
async function measureMember(count: number): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'catenary-snapshot-'))
  const logger = pino({ level: 'silent' })
  const id = 'coordinator-1'
  const start = async (snapshotEntries: number) => {
    const data = openDataDirectory({ path, kind: 'coordinator', id })
    const members = [{ id, host: '127.0.0.1', peerPort: 0, clientPort: 0 }]
    const member = await startCoordinator({
      id,
      members,
      clusterName: 'bench',
      data,
      logger,
      snapshotEntries,
    })
    const client = coordinator({ servers: `127.0.0.1:${member.clientAddress.port}` })
    const stop = async () => {
      await client.close()
      await member.stop()
      data.close()
    }
    return { member, client, stop }
  }
  let running = await start(Number.MAX_SAFE_INTEGER)
  await served(running.client)
  await fill(running.client, count)
  for (const [what, entries] of [
    ['without snapshots', Number.MAX_SAFE_INTEGER],
    ['with snapshots', SNAPSHOT_ENTRIES],
  ] as const) {
    await running.stop()
    const begun = performance.now()
    running = await start(entries)
    await served(running.client)
    console.log(
      `restart: serves after ${ms(performance.now() - begun)}, ${running.member.status().znodes} znodes`,
    )
    await inBatches(2000, (n) => running.client.setData(pathOf(n % count), DATA)) // warm; and the first snapshot comes now
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    let longest = 0
    for (let n = 0; n < 20_000; n += 10) {
      const sent = performance.now()
      await Promise.all(
        Array.from({ length: 10 }, (_, k) => running.client.setData(pathOf((n + k) % count), DATA)),
      )
      longest = Math.max(longest, performance.now() - sent)
    }
    delay.disable()
    const { snapshotIndex } = running.member.status()
    console.log(
      `${what} (last at ${snapshotIndex}): longest turn ${ms(delay.max / 1e6)}, longest write ${ms(longest)}`,
    )
  }
  await running.stop()
  const begun = performance.now()
  running = await start(SNAPSHOT_ENTRIES)
  await served(running.client)
  console.log(`restart from a snapshot: serves after ${ms(performance.now() - begun)}`)
  await running.stop()
  rmSync(path, { recursive: true, force: true })
}

if (process.argv[1] === import.meta.filename) {
  const count = Number(process.argv[2] ?? 100_000)
  measureCore(count)
  await measureMember(count)
}
