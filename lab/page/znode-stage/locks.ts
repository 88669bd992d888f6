/** Four clients want one lock: all of them watch it, or each watches the one before it (ZooKeeper §2.4). */
import type { StageFrame } from '../stage/frame.ts'
import { REQUESTS as ask, type Reply, ZnodeStage } from './znode-stage.ts'

const CLIENTS = ['c1', 'c2', 'c3', 'c4'] as const
const CITES = 'ZooKeeper §2.4'

function open(): ZnodeStage {
  return new ZnodeStage({ members: ['Z1'], clients: CLIENTS })
}

/** Asks, applies, and gives the answer. */
function told(
  stage: ZnodeStage,
  client: string,
  request: Parameters<ZnodeStage['ask']>[1],
): Reply | undefined {
  stage.ask(client, request)
  stage.apply('Z1')
  return stage.takeReplies(client).at(-1)
}

export interface LockPlay {
  readonly frames: readonly StageFrame[]
  /** Watch events until the last client had the lock. */
  readonly wakeUps: number
}

/** The lock is the znode /lock. Whoever could create it has it; all others watch it. */
export function lockWithHerd(): LockPlay {
  const stage = open()
  let waiting: string[] = [...CLIENTS]
  let holder: string | null = null
  for (let round = 0; waiting.length > 0; round++) {
    if (holder !== null) told(stage, holder, ask.remove('/lock'))
    if (holder !== null) stage.note(holder, ['done'])
    const woken = waiting.filter((client) => stage.takeEvents(client).length > 0)
    if (holder !== null)
      stage.draw(
        `${holder} deletes /lock, and ${woken.length === 1 ? 'one client wakes up' : `${woken.length} clients wake up`}: ${woken.join(', ')}.`,
        {
          tone: woken.length > 1 ? 'bad' : 'plain',
        },
      )
    holder = null
    for (const client of waiting) {
      const mine = told(stage, client, ask.create('/lock', '', 'ephemeral'))?.isError === false
      if (mine) holder = client
      else told(stage, client, ask.exists('/lock', true))
      stage.note(client, [mine ? 'has the lock' : 'watches /lock'])
    }
    const others = waiting.length - 1
    waiting = waiting.filter((client) => client !== holder)
    stage.draw(
      others === 0
        ? `${holder} creates /lock and has it.`
        : `All of them try to create /lock: ${holder} has it, and ${others} must watch it.`,
      {
        cites: round === 0 ? CITES : null,
      },
    )
  }
  stage.draw(
    `${CLIENTS.length - 1} clients had to wait: ${stage.wakeUps} wake-ups, of which ${CLIENTS.length - 1} were of use.`,
    { tone: 'bad' },
  )
  return { frames: stage.frames, wakeUps: stage.wakeUps }
}

/** Everybody creates a sequential znode; the lowest has the lock; each other one watches the next lower. */
export function lockWithoutHerd(): LockPlay {
  const stage = open()
  told(stage, 'c1', ask.create('/lock'))
  const paths = new Map<string, string>()
  for (const client of CLIENTS) {
    const reply = told(stage, client, ask.create('/lock/n-', '', 'ephemeral-sequential'))
    if (reply?.response?.type === 'create') paths.set(client, reply.response.path)
  }
  stage.draw('Each creates an ephemeral znode with a sequence number.', { cites: CITES })
  for (const [i, client] of CLIENTS.entries()) {
    const before = paths.get(CLIENTS[i - 1] ?? '')
    if (before !== undefined) told(stage, client, ask.exists(before, true))
    stage.note(client, [before === undefined ? 'has the lock' : `watches ${before}`])
  }
  stage.draw('The lowest number has the lock; each of the others watches the one before it.', {
    cites: CITES,
  })
  for (const [i, client] of CLIENTS.entries()) {
    const next = CLIENTS[i + 1]
    if (next === undefined) break
    told(stage, client, ask.remove(paths.get(client) ?? ''))
    const woken = CLIENTS.filter((each) => stage.takeEvents(each).length > 0)
    stage.note(client, ['done'])
    stage.note(next, ['has the lock'])
    stage.draw(`${client} deletes its znode, and ${woken.join(', ')} wakes up: it is the lowest now.`, {
      tone: 'good',
    })
  }
  stage.draw(
    `${CLIENTS.length - 1} clients had to wait: ${stage.wakeUps} wake-ups, first come, first served.`,
    { tone: 'good' },
  )
  return { frames: stage.frames, wakeUps: stage.wakeUps }
}
