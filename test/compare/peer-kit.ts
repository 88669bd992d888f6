import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { System } from '../../lab/compare/system.ts'
import { etcd } from '../../lab/compare/systems/etcd.ts'
import { jetstream } from '../../lab/compare/systems/jetstream.ts'
import { redis, redisWait } from '../../lab/compare/systems/redis.ts'
import { zookeeper } from '../../lab/compare/systems/zookeeper.ts'
import type { PeerTarget } from '../../lab/load/peers/peer-target.ts'
import type { Operation, Target, TargetSpec } from '../../lab/load/target.ts'
import { openTarget as openEtcd } from '../../lab/load/targets/etcd.ts'
import { openTarget as openJetStream } from '../../lab/load/targets/jetstream.ts'
import { openTarget as openRedis } from '../../lab/load/targets/redis.ts'
import { openTarget as openZooKeeper } from '../../lab/load/targets/zookeeper.ts'

export const PEERS: readonly System[] = [etcd, zookeeper, jetstream, redis, redisWait]

export const bytes = (text: string) => new TextEncoder().encode(text)

export async function withFolder<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'catenary-peers-'))
  try {
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** @throws what is to be done where the system is not installed: such a test fails, it is not skipped. */
export async function mustBeThere(system: System): Promise<void> {
  const advice = await system.missing()
  if (advice !== null) throw new Error(advice)
}

export function openPeer(spec: TargetSpec): Promise<PeerTarget> {
  switch (spec.kind) {
    case 'etcd':
      return openEtcd(spec)
    case 'zookeeper':
      return openZooKeeper(spec)
    case 'jetstream':
      return openJetStream(spec)
    case 'redis':
      return openRedis(spec)
    default:
      throw new Error(`not a peer: ${spec.kind}`)
  }
}

/** Submits all in one turn; what `done` said of each. */
export function submitAll(target: Target, operations: readonly Operation[]): Promise<(string | null)[]> {
  const answers = operations.map(
    (operation) => new Promise<string | null>((resolve) => target.submit(operation, resolve)),
  )
  target.flush()
  return Promise.all(answers)
}

export async function submitOne(target: Target, operation: Operation): Promise<string | null> {
  const [answer] = await submitAll(target, [operation])
  return answer ?? null
}

/** A zombie is none: its parent has only not asked yet. */
export function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** The processes of any program whose command line names this folder. */
export async function processesIn(directory: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      return isAlive(Number(pid)) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory)
    } catch {
      return false
    }
  })
}
