import { describe, expect, test } from 'vitest'
import { asLogIndex, asTerm } from '../../coordinator/raft/ids.ts'
import type { LogEntry } from '../../coordinator/raft/log.ts'
import { type Command, type CommandOp, encodeCommand } from '../../coordinator/znodes/command.ts'
import { newZnode, type Owner, type ZnodeTree } from '../../coordinator/znodes/tree.ts'
import { checkSuccession } from '../../lab/simulator/observer/config-rules.ts'
import type { CoordinatorSight } from '../../lab/simulator/observer/sight.ts'
import { checkOwners, TreeObserver } from '../../lab/simulator/observer/tree-observer.ts'
import { type ChainConfig, configToJson } from '../../protocol/chain-config.ts'
import { asChainId, asEpoch, asIncarnation, asServerId } from '../../protocol/ids.ts'
import { StateMachine } from '../../runtime/coordinator/state-machine.ts'

const OWNER: Owner = { member: 1, connection: 1 }
const ACL = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]

/** `n1 n2* n3-`: `*` not serving yet, `-` leaving, `/2` another life than the first. */
function config(epoch: number, members: string): ChainConfig {
  return {
    chain: asChainId('c0'),
    epoch: asEpoch(epoch),
    members: members.split(' ').map((word) => ({
      server: asServerId(/^[a-z0-9]+/.exec(word)?.[0] ?? ''),
      incarnation: asIncarnation(Number(/\/(\d+)/.exec(word)?.[1] ?? 1)),
      serving: !word.includes('*'),
      leaving: word.includes('-'),
    })),
    joining: null,
    slots: [[0, 16_383]],
  }
}

class Log {
  readonly heard: string[] = []
  readonly expired: string[] = []
  readonly observer: TreeObserver
  #index = 0
  #order = 0

  constructor(coordinators: CoordinatorSight[] = []) {
    this.observer = new TreeObserver(
      { coordinators, servers: [] },
      {
        onConfig: (before, after) => this.heard.push(`${before?.epoch ?? 0} to ${after.epoch}`),
        onServerExpired: ({ server }) => this.expired.push(server),
      },
    )
  }

  entry(session: bigint, op: CommandOp): LogEntry {
    const own = op.type !== 'expire-session' && op.type !== 'create-session'
    const command: Command = {
      timeWallMs: 1,
      session,
      owner: op.type === 'expire-session' ? null : OWNER,
      order: own ? ++this.#order : 0,
      identities: null,
      op,
    }
    return { index: asLogIndex(++this.#index), term: asTerm(1), command: encodeCommand(command) }
  }

  commit(session: bigint, op: CommandOp): void {
    this.observer.commit(this.entry(session, op), 'coordinator-1')
  }

  commitAs(command: Command): void {
    const entry = { index: asLogIndex(++this.#index), term: asTerm(1), command: encodeCommand(command) }
    this.observer.commit(entry, 'coordinator-1')
  }

  begin(): bigint {
    this.commit(0n, { type: 'create-session', timeoutMs: 1_000 })
    const session = [...this.observer.tree.sessions.keys()][0] ?? 0n
    for (const path of ['/catenary', '/catenary/chains', '/catenary/servers']) this.create(session, path, '')
    return session
  }

  create(session: bigint, path: string, data: string, flags = 0): void {
    this.commit(session, { type: 'create', path, data: new TextEncoder().encode(data), acl: ACL, flags })
  }
}

describe('the committed tree', () => {
  test('tells of every configuration, and when what has changed', () => {
    const log = new Log()
    const session = log.begin()
    log.create(session, '/catenary/chains/c0', configToJson(config(1, 'n1 n2')))
    const { zxid } = log.observer.tree
    log.commit(session, {
      type: 'setData',
      path: '/catenary/chains/c0',
      data: new TextEncoder().encode(configToJson(config(2, 'n1'))),
      version: -1,
    })
    expect(log.heard).toEqual(['0 to 1', '1 to 2'])
    expect(log.observer.config('c0')?.epoch).toBe(2)
    expect(log.observer.firstChange('data', '/catenary/chains/c0', zxid)).toBe(zxid + 1)
    expect(log.observer.firstChange('data', '/catenary/chains/c0', zxid + 1)).toBeNull()
    expect(log.observer.firstChange('child', '/catenary/chains', zxid - 1)).toBe(zxid)
    expect(log.observer.firstChange('child', '/catenary/chains', zxid)).toBeNull()
  })

  test('says whose registration an expiry takes along', () => {
    const log = new Log()
    const session = log.begin()
    const registration = {
      server: 'n1',
      incarnation: 4,
      host: 'n1',
      port: 1,
      httpPort: 0,
      zone: '',
      dataId: '',
      holds: {},
    }
    log.create(session, '/catenary/servers/n1', JSON.stringify(registration), 1)
    log.commit(session, { type: 'expire-session' })
    expect(log.expired).toEqual(['n1'])
    expect(log.observer.tree.nodes.has('/catenary/servers/n1')).toBe(false)
  })

  test('SessionFifo: a write out of its turn, a session that is given back', () => {
    const log = new Log()
    const session = log.begin()
    const write = (order: number, connection = OWNER.connection) => {
      const owner = { ...OWNER, connection }
      const op: CommandOp = { type: 'setData', path: '/', data: null, version: -1 }
      return log.commitAs({ timeWallMs: 1, session, owner, order, identities: null, op })
    }
    const resume = (connection: number) => {
      const owner = { ...OWNER, connection }
      const op: CommandOp = { type: 'resume-session', timeoutMs: 1_000 }
      log.commitAs({ timeWallMs: 1, session, owner, order: 0, identities: null, op })
    }
    write(4)
    write(4) // a copy has no effect, neither has what comes behind a gap
    write(6)
    resume(OWNER.connection + 1)
    write(5)
    write(1, OWNER.connection + 1)
    resume(OWNER.connection) // refused
    const one = log.observer.tree.sessions.get(session)
    if (one === undefined) throw new Error('no session')
    one.order = 2 // as if something had been applied that was not heard of
    expect(() => write(3, OWNER.connection + 1)).toThrow(/SessionFifo.*write 3 of.*after write 1 of/)
    one.newestConnection.clear()
    expect(() => resume(OWNER.connection)).toThrow(/SessionFifo.*gets session.*back/)
  })

  test('EphemeralOwner: a znode that its session has left behind', () => {
    const log = new Log()
    const session = log.begin()
    log.create(session, '/mine', '', 1)
    const { tree } = log.observer
    expect(() => checkOwners(tree, 'coordinator-1')).not.toThrow()
    tree.nodes.set('/ghost', newZnode({ ephemeralOwner: 77n }))
    expect(() => checkOwners(tree, 'coordinator-1')).toThrow(/EphemeralOwner.*\/ghost.*4d/)
  })

  test('StateMachineSafety: a member whose tree is another one at the same zxid, or ahead of the log', () => {
    const machine = new StateMachine()
    let tree: ZnodeTree = machine.tree
    const sight: CoordinatorSight = {
      name: 'coordinator-2',
      raft: null,
      get tree() {
        return tree
      },
    }
    const log = new Log([sight])
    const entries = [log.entry(0n, { type: 'create-session', timeoutMs: 1_000 })]
    for (const entry of entries) {
      machine.apply(entry)
      expect(() => log.observer.look(sight)).toThrow(/StateMachineSafety.*has applied 1, committed are 0/)
      log.observer.commit(entry, 'coordinator-1')
    }
    expect(() => log.observer.check()).not.toThrow()
    tree = new StateMachine().tree
    tree.zxid = 1
    expect(() => log.observer.check()).toThrow(/StateMachineSafety.*coordinator-2.*differs at 1/)
  })
})

describe('configurations that follow each other', () => {
  test.each([
    [config(1, 'n1 n2 n3'), config(2, 'n1 n2')],
    [config(1, 'n1 n2'), config(2, 'n1 n2 n3*')],
    [config(1, 'n1 n2*'), config(2, 'n1 n2')],
    [config(1, 'n1 n2-'), config(2, 'n1')],
    [config(7, 'n1 n2'), config(8, 'n2/2')],
  ])('%j may be followed by %j', (before, after) => {
    expect(() => checkSuccession(before, after)).not.toThrow()
  })

  test.each([
    ['EpochFence', config(1, 'n1 n2'), config(3, 'n1')],
    ['EpochFence', config(2, 'n1 n2'), config(2, 'n1')],
    ['ServingNeverEmpty', config(1, 'n1'), config(2, 'n2*')],
    ['ServingNeverEmpty', config(1, 'n1 n2*'), config(2, 'n2')],
    ['ServingNeverEmpty', config(1, 'n1'), config(2, 'n4')],
    ['HandoffBeforeServing', config(1, 'n1'), config(2, 'n1 n2')],
    ['HandoffBeforeServing', config(1, 'n1 n2'), config(2, 'n1 n2/2')],
    ['UpdatePropagation', config(1, 'n1 n2'), config(2, 'n2 n1')],
  ])('%s: %j may not be followed by %j', (invariant, before, after) => {
    expect(() => checkSuccession(before, after)).toThrow(new RegExp(`^${invariant}`))
  })

  test('an operator’s override may jump and seed anew, and nobody else', () => {
    expect(() => checkSuccession(config(3, 'n1'), config(9, 'n4'), true)).not.toThrow()
    expect(() => checkSuccession(config(3, 'n1'), config(9, 'n4*'), true)).toThrow(/ServingNeverEmpty/)
  })
})
