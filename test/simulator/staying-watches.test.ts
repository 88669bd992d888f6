import { expect, test } from 'vitest'
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { coordinatorOver } from '../../client/coordinator/session-client.ts'
import { asLogIndex } from '../../coordinator/raft/ids.ts'
import { sessionPlatform } from '../../lab/simulator/control/session-platform.ts'
import type { Rng } from '../../lab/simulator/kernel/rng.ts'
import { StateMachine } from '../../runtime/coordinator/state-machine.ts'
import { type CommittedChange, judgeTranscript, WatchTranscript } from '../models/staying-watches.ts'
import { EnsembleWorld, Session } from './coordinator-world.ts'

const PATHS = ['/a', '/a/b', '/a/b/c', '/ab', '/d']
const PACE_MS = 20
const FAULT_US = 1_000_000

function watcher(world: EnsembleWorld, transcript: WatchTranscript): Session {
  const process = world.process('watcher')
  let client: CoordinatorClient | null = null
  process.start(() => {
    const platform = transcript.over(sessionPlatform({ process, network: world.network }))
    client = coordinatorOver(
      { servers: world.members, sessionTimeoutMs: 10_000, renewExpired: true },
      platform,
    )
  })
  if (client === null) throw new Error('it did not start')
  return new Session(world, process, client)
}

/** Does one thing after the other, whatever becomes of it. */
function keepDoing(session: Session, thing: (client: CoordinatorClient) => Promise<unknown>): void {
  session.begin(
    () => thing(session.client),
    () => session.process.timers.after(PACE_MS, () => keepDoing(session, thing)),
  )
}

function write(client: CoordinatorClient, rng: Rng): Promise<unknown> {
  const path = rng.pick(PATHS)
  const dice = rng.below(4)
  if (dice < 2) return client.create(path, 'x')
  return dice === 2 ? client.setData(path, 'y') : client.delete(path)
}

/** The watcher's connection breaks, or the member that it has may be gone. */
function disturb(world: EnsembleWorld, rng: Rng): void {
  const name = rng.pick(world.members)
  const process = world.processOf(name)
  switch (rng.below(4)) {
    case 0:
      if (process.alive) process.crash()
      break
    case 1:
      world.isolate(name)
      break
    default:
      for (const each of world.members) world.network.break('watcher', each)
  }
  world.scheduler.after(FAULT_US / 2, () => {
    world.network.healAll()
    for (const each of world.members) if (!world.processOf(each).alive) world.at(each).start()
  })
}

/** All changes of the log, from its beginning: nothing has been compacted. */
function changesIn(world: EnsembleWorld, leader: string): CommittedChange[] {
  const { member } = world.at(leader)
  if (member === null) throw new Error('gone')
  const machine = new StateMachine()
  const { log, commit } = member.raft
  return log.slice(asLogIndex(1), commit).flatMap((entry) => {
    const { result } = machine.apply(entry)
    return result.changes.map(({ type, path }) => ({ type, path, zxid: result.zxid }))
  })
}

test.each([1, 2, 3, 4])(
  'watches that stay tell everything, once, in order and in time: seed %i',
  async (seed) => {
    const world = new EnsembleWorld(seed, { settings: { snapshotEntries: 1_000_000 } })
    await world.elected()
    const transcript = new WatchTranscript()
    const session = watcher(world, transcript)
    const rng = world.rng.fork('watches')
    await session.ask((client) => client.addWatch('/a', () => {}, { recursive: seed % 2 === 0 }))
    await session.ask((client) => client.addWatch('/', () => {}, { recursive: seed % 2 === 1 }))
    keepDoing(session, (client) => client.sync('/'))
    for (const name of ['writer-1', 'writer-2'])
      keepDoing(world.session(name), (client) => write(client, rng))
    for (let faults = 8; faults > 0; faults -= 1) {
      disturb(world, rng)
      await world.scheduler.runUntil(world.scheduler.nowUs + FAULT_US, () => world.bugs.length > 0)
    }
    await world.seconds(3)
    expect(world.bugs).toEqual([])
    const judged = judgeTranscript(transcript.connections, changesIn(world, await world.elected()))
    expect(judged).toBeGreaterThan(100)
    const setAgain = transcript.connections.filter((heard) =>
      heard.some((one) => one.type === 'reply' && one.request?.type === 'setWatches2' && one.err === 0),
    )
    expect(setAgain.length).toBeGreaterThan(0)
  },
)
