/** What the demo breaks, and how it measures what each break costs. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import type { Load, Stretch } from './load.ts'

export interface FaultReport {
  readonly what: string
  readonly mix: string
  readonly cost: Stretch
  /** From the kill until every chain has all its members serving again. */
  readonly wholeAfterMs: number
}

export interface Fault {
  readonly what: string
  readonly readShare: number
  /** Names of the processes to be killed, chosen when it is time. */
  victims(cluster: LocalCluster): Promise<string[]>
  /** How long they stay dead. */
  readonly downMs: number
}

const MIXED = 0.5
const READ_MOSTLY = 0.95

const memberAt = (position: (count: number) => number) => async (cluster: LocalCluster) => {
  const chain = await cluster.chain()
  const member = chain?.members[position(chain.members.length)]
  return member === undefined ? [] : [member.server]
}

export const FAULTS: readonly Fault[] = [
  { what: 'tail', readShare: READ_MOSTLY, downMs: 4000, victims: memberAt((count) => count - 1) },
  { what: 'middle', readShare: MIXED, downMs: 4000, victims: memberAt(() => 1) },
  { what: 'head', readShare: READ_MOSTLY, downMs: 4000, victims: memberAt(() => 0) },
  { what: 'head', readShare: MIXED, downMs: 4000, victims: memberAt(() => 0) },
  {
    what: 'Raft leader',
    readShare: READ_MOSTLY,
    downMs: 3000,
    victims: async (cluster) => [(await cluster.leader()) ?? 'coordinator-1'],
  },
  {
    what: 'all coordinators',
    readShare: MIXED,
    downMs: 10_000,
    victims: async (cluster) => cluster.coordinators.map(({ name }) => name),
  },
]

/** Kills by SIGKILL, waits, starts them again, and waits for full strength. */
export async function suffer(
  cluster: LocalCluster,
  load: Load,
  fault: Fault,
  say: (text: string) => void,
): Promise<FaultReport> {
  load.readShare = fault.readShare
  await sleep(1500)
  const victims = await fault.victims(cluster)
  load.cut()
  const killedAt = performance.now()
  say(`SIGKILL ${victims.join(', ')} (${fault.what})`)
  await Promise.all(victims.map((name) => cluster.process(name).kill()))
  await sleep(fault.downMs)
  for (const name of victims) cluster.process(name).start()
  say(`restarted ${victims.join(', ')}`)
  await untilRestored(cluster, victims)
  const wholeAfterMs = performance.now() - killedAt
  const cost = load.cut()
  say(`full strength ${(wholeAfterMs / 1000).toFixed(1)} s after the kill`)
  const percent = Math.round(fault.readShare * 100)
  return {
    what: `${fault.what} (${victims.length === 1 ? victims[0] : `${victims.length} processes`})`,
    mix: `${percent}/${100 - percent}`,
    cost,
    wholeAfterMs,
  }
}

async function untilRestored(cluster: LocalCluster, victims: readonly string[]): Promise<void> {
  const areCoordinators = victims.some((name) =>
    cluster.coordinators.some((process) => process.name === name),
  )
  for (let tries = 0; areCoordinators && (await cluster.leader()) === null; tries++) {
    if (tries > 600) throw new Error('the coordinators did not elect a leader within 30 s')
    await sleep(50)
  }
  await cluster.untilWhole({ timeoutMs: 60_000 })
}
