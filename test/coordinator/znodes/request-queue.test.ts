import { describe, expect, test } from 'vitest'
import { LIMITS } from '../../../coordinator/znodes/limits.ts'
import { restoreTree, snapshotTree } from '../../../coordinator/znodes/snapshot.ts'
import { WatchTable } from '../../../coordinator/znodes/watches.ts'
import { InvariantViolation } from '../../../protocol/invariants.ts'
import { ZK_ERRORS } from '../../../protocol/zookeeper/errors.ts'
import { type Log, MemberDriver } from './queue-driver.ts'
import { create, remove, setData } from './tree-driver.ts'

const getData = (path: string, watch = false) => ({ type: 'getData', path, watch }) as const
const exists = (path: string, watch = false) => ({ type: 'exists', path, watch }) as const
const getChildren = (path: string, watch = false) => ({ type: 'getChildren', path, watch }) as const
const sync = { type: 'sync', path: '/' } as const
const ping = { type: 'ping' } as const
const closeSession = { type: 'closeSession' } as const

function openMember() {
  const log: Log = []
  const member = new MemberDriver(log)
  const session = member.open(1)
  member.take()
  return { log, member, session }
}

describe('connecting', () => {
  test('a new session answers once it is committed; requests sent right behind wait for it', () => {
    const member = new MemberDriver([])
    expect(member.connect(1)).toEqual(['forward 1#0 create-session'])
    expect(member.request(1, 1, create('/a'))).toEqual([])
    expect(member.request(1, 2, exists('/a'))).toEqual([])
    expect(member.request(1, 3, sync)).toEqual([])
    member.commit()
    expect(member.applyAll()).toEqual(['connected 1 100000000000001', 'forward 1#1 create', 'read-index 1'])
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=1 zxid=2 create /a',
      'reply 1 xid=2 zxid=2 exists version=0',
    ])
  })

  test('a client that has seen a later state is closed without an answer (ZxidMonotone)', () => {
    const { member, session } = openMember()
    expect(member.connect(2, { session, zxid: 2 })).toEqual(['close 2'])
    expect(member.connect(3, { session, zxid: 1 })).toEqual(['close 1', 'forward 3#0 resume-session'])
  })

  test('a wrong password closes the session’s other connection all the same, then is refused', () => {
    const { member, session } = openMember()
    expect(member.connect(2, { session, password: false })).toEqual(['close 1', 'refused 2', 'close 2'])
  })

  test('an unknown session is refused once the log says so', () => {
    const { member } = openMember()
    expect(member.connect(2, { session: 77n })).toEqual(['forward 2#0 resume-session'])
    member.commit()
    expect(member.applyAll()).toEqual(['refused 2', 'close 2'])
  })

  test('a resumed session answers with its own id', () => {
    const { member, session } = openMember()
    member.do({ type: 'connection-lost', connection: 1 })
    member.connect(2, { session })
    member.commit()
    expect(member.applyAll()).toEqual(['connected 2 100000000000001'])
    expect(member.request(2, 1, create('/a'))).toEqual(['forward 2#1 create'])
  })

  test('a session whose connection is lost before it opens is left to expire', () => {
    const member = new MemberDriver([])
    member.connect(1)
    member.do({ type: 'connection-lost', connection: 1 })
    member.commit()
    expect(member.applyAll()).toEqual([])
    expect(member.tree.sessions.size).toBe(1)
  })
})

describe('order within a session (SessionFifo)', () => {
  test('writes go out at once; a read between them sees exactly those before it', () => {
    const { member } = openMember()
    expect(member.request(1, 1, create('/a'))).toEqual(['forward 1#1 create'])
    expect(member.request(1, 2, getData('/a'))).toEqual([])
    expect(member.request(1, 3, setData('/a', 'two'))).toEqual(['forward 1#2 setData'])
    expect(member.request(1, 4, getData('/a'))).toEqual([])
    expect(member.request(1, 5, ping)).toEqual([])
    member.commit()
    expect(member.applyOne()).toEqual(['reply 1 xid=1 zxid=2 create /a', 'reply 1 xid=2 zxid=2 getData x'])
    expect(member.applyOne()).toEqual([
      'reply 1 xid=3 zxid=3 setData version=1',
      'reply 1 xid=4 zxid=3 getData two',
      'reply 1 xid=5 zxid=3 ping',
    ])
  })

  test('reads of other sessions do not wait', () => {
    const { member } = openMember()
    member.open(2)
    member.request(1, 1, create('/a'))
    expect(member.request(2, 1, exists('/a'))).toEqual(['reply 2 xid=1 zxid=2 NoNode'])
    expect(member.request(2, -2, ping)).toEqual(['reply 2 xid=-2 zxid=2 ping'])
  })

  test('a write that fails is answered in its turn', () => {
    const { member } = openMember()
    member.request(1, 1, remove('/none'))
    member.request(1, 2, getChildren('/'))
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=1 zxid=2 NoNode',
      'reply 1 xid=2 zxid=2 getChildren zookeeper',
    ])
  })

  test('a packet that the door refuses is answered in its turn', () => {
    const { member } = openMember()
    const refuse = { type: 'refuse', connection: 1 } as const
    member.request(1, 1, create('/a'))
    expect(member.do({ ...refuse, xid: 2, err: ZK_ERRORS.MarshallingError, thenClose: false })).toEqual([])
    expect(member.do({ ...refuse, xid: 3, err: ZK_ERRORS.Unimplemented, thenClose: true })).toEqual([])
    member.request(1, 4, ping)
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=1 zxid=2 create /a',
      'reply 1 xid=2 zxid=2 MarshallingError',
      'reply 1 xid=3 zxid=2 Unimplemented',
      'close 1',
    ])
  })

  test('sync waits for its read index and for the writes before it', () => {
    const { member } = openMember()
    member.request(1, 1, create('/a'))
    expect(member.request(1, 2, sync)).toEqual(['read-index 1'])
    member.request(1, 3, exists('/a'))
    expect(member.do({ type: 'read-index-reached', token: 1 })).toEqual([])
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=1 zxid=2 create /a',
      'reply 1 xid=2 zxid=2 sync',
      'reply 1 xid=3 zxid=2 exists version=0',
    ])
  })

  test('what is behind a sync waits for it; a write is not even sent', () => {
    const { member } = openMember()
    member.request(1, 1, sync)
    expect(member.request(1, 2, create('/a'))).toEqual([])
    member.request(1, 3, exists('/a'))
    member.commit()
    expect(member.applyAll()).toEqual([])
    expect(member.do({ type: 'read-index-reached', token: 1 })).toEqual([
      'reply 1 xid=1 zxid=1 sync',
      'forward 1#1 create',
    ])
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=2 zxid=2 create /a',
      'reply 1 xid=3 zxid=2 exists version=0',
    ])
    expect(member.do({ type: 'read-index-reached', token: 1 })).toEqual([])
  })

  test('a read between a sync and a write does not see the write (SessionFifo)', () => {
    const { member } = openMember()
    member.request(1, 1, sync)
    member.request(1, 2, exists('/a'))
    member.request(1, 3, create('/a'))
    member.request(1, 4, sync)
    member.request(1, 5, create('/b'))
    member.commit()
    expect(member.applyAll()).toEqual([])
    expect(member.do({ type: 'read-index-reached', token: 1 })).toEqual([
      'reply 1 xid=1 zxid=1 sync',
      'reply 1 xid=2 zxid=1 NoNode',
      'forward 1#1 create',
    ])
    expect(member.do({ type: 'read-index-reached', token: 2 })).toEqual(['forward 1#2 create'])
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=3 zxid=2 create /a',
      'reply 1 xid=4 zxid=2 sync',
      'reply 1 xid=5 zxid=3 create /b',
    ])
  })
})

describe('watches', () => {
  test('the event of the session’s own write leaves before its reply', () => {
    const { member } = openMember()
    member.request(1, 1, exists('/a', true))
    member.request(1, 2, getChildren('/', true))
    member.request(1, 3, create('/a'))
    member.take()
    member.commit()
    expect(member.applyAll()).toEqual([
      'notify 1 created /a',
      'notify 1 children-changed /',
      'reply 1 xid=3 zxid=2 create /a',
    ])
  })

  test('only exists watches a node that is not there', () => {
    const { member } = openMember()
    member.request(1, 1, getData('/a', true))
    member.request(1, 2, getChildren('/a', true))
    member.request(1, 3, create('/a'))
    member.commit()
    expect(member.applyAll()).toEqual(['reply 1 xid=3 zxid=2 create /a'])
  })

  // ZooKeeper §2.3: a leader deletes `ready`, changes the configuration, creates `ready` again. A client that saw
  // `ready` must hear that it went before it can read any of the new configuration.
  test('ready file: the event overtakes every read of what came after it', () => {
    const log: Log = []
    const leader = new MemberDriver(log, 1)
    const reader = new MemberDriver(log, 2)
    leader.open(1)
    for (const [xid, op] of [create('/ready'), create('/config')].entries()) leader.request(1, xid, op)
    leader.commit()
    reader.applyAll()
    reader.connect(7)
    reader.commit()
    reader.applyAll()
    reader.take()
    expect(reader.request(7, 1, exists('/ready', true))).toEqual(['reply 7 xid=1 zxid=4 exists version=0'])

    leader.applyAll()
    for (const [xid, op] of [remove('/ready'), setData('/config', 'new'), create('/ready')].entries()) {
      leader.request(1, 10 + xid, op)
    }
    leader.commit()
    // The reader's member falls behind: old state, no event yet. Then it catches up entry by entry.
    expect(reader.request(7, 2, getData('/config'))).toEqual(['reply 7 xid=2 zxid=4 getData x'])
    expect(reader.applyOne()).toEqual(['notify 7 deleted /ready'])
    expect(reader.request(7, 3, getData('/config'))).toEqual(['reply 7 xid=3 zxid=5 getData x'])
    expect(reader.applyAll()).toEqual([])
    expect(reader.request(7, 4, getData('/config'))).toEqual(['reply 7 xid=4 zxid=7 getData new'])
  })

  test('a read behind a pending write is held until that write’s events are out', () => {
    const log: Log = []
    const member = new MemberDriver(log)
    member.open(1)
    member.open(2)
    member.request(1, 1, create('/a'))
    member.commit()
    member.applyAll()
    member.request(2, 1, getData('/a', true))
    member.take()
    member.request(1, 2, setData('/a', 'new'))
    member.commit()
    member.request(2, 2, create('/b'))
    member.request(2, 3, getData('/a'))
    member.commit()
    member.take()
    expect(member.applyAll()).toEqual([
      'notify 2 data-changed /a',
      'reply 1 xid=2 zxid=4 setData version=1',
      'reply 2 xid=2 zxid=5 create /b',
      'reply 2 xid=3 zxid=5 getData new',
    ])
  })

  test('setWatches: what was missed is told before its reply', () => {
    const { member } = openMember()
    member.request(1, 1, create('/a'))
    member.commit()
    member.applyAll()
    const request = { type: 'setWatches', relativeZxid: 1, data: ['/a'], exist: ['/b'], child: [] } as const
    expect(member.request(1, -8, request)).toEqual([
      'notify 1 data-changed /a',
      'reply 1 xid=-8 zxid=2 setWatches',
    ])
  })

  test('one watch too many ends the connection, set alone or by setWatches', () => {
    const log: Log = []
    const member = new MemberDriver(log, 1, new WatchTable(1))
    member.open(1)
    expect(member.request(1, 1, exists('/a', true))).toEqual(['reply 1 xid=1 zxid=1 NoNode'])
    expect(member.request(1, 2, exists('/b', true))).toEqual(['reply 1 xid=2 zxid=1 ThrottledOp', 'close 1'])
    expect(member.request(1, 3, exists('/c'))).toEqual([])
    member.open(2)
    expect(member.request(2, 1, exists('/a', true))).toEqual(['reply 2 xid=1 zxid=2 NoNode'])
    member.take()
    const request = { type: 'setWatches', relativeZxid: 1, data: [], exist: ['/c'], child: [] } as const
    expect(member.request(2, 3, request)).toEqual(['reply 2 xid=3 zxid=2 ThrottledOp', 'close 2'])
  })

  test('watches go with the connection', () => {
    const { member, session } = openMember()
    member.request(1, 1, exists('/a', true))
    member.connect(2, { session })
    member.commit()
    member.applyAll()
    member.request(2, 1, create('/a'))
    member.commit()
    expect(member.applyAll()).toEqual(['reply 2 xid=1 zxid=3 create /a'])
  })

  test('an entry whose events were not sent is our own bug (WatchBeforeRead)', () => {
    const { member } = openMember()
    member.tree.zxid += 1
    expect(() => member.request(1, 1, exists('/'))).toThrow(InvariantViolation)
  })
})

describe('the end of a session', () => {
  const expireCommand = (session: bigint) =>
    ({
      timeWallMs: 0,
      session,
      owner: null,
      order: 0,
      identities: null,
      op: { type: 'expire-session' },
    }) as const

  test('closeSession is answered, then the connection closed; what came behind it is not answered', () => {
    const { member } = openMember()
    member.request(1, 1, create('/e', 1))
    member.request(1, 2, closeSession)
    member.request(1, 3, create('/late'))
    member.request(1, 4, ping)
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=1 zxid=2 create /e',
      'reply 1 xid=2 zxid=3 closeSession',
      'close 1',
    ])
    expect(member.tree.nodes.has('/late')).toBe(false)
  })

  test('closeSession behind a sync still leaves in its turn', () => {
    const { member } = openMember()
    member.request(1, 1, sync)
    member.request(1, 2, closeSession)
    member.request(1, 3, create('/late'))
    member.commit()
    expect(member.applyOne()).toEqual([])
    expect(member.request(1, 4, create('/later'))).toEqual([])
    expect(member.applyAll()).toEqual([])
    expect(member.do({ type: 'read-index-reached', token: 1 })).toEqual([
      'reply 1 xid=1 zxid=1 sync',
      'forward 1#1 closeSession',
      'forward 1#2 create',
      'forward 1#3 create',
    ])
    member.commit()
    expect(member.applyAll()).toEqual(['reply 1 xid=2 zxid=2 closeSession', 'close 1'])
  })

  test('expiry deletes ephemerals, fires watches, fails what waits and closes; later requests go nowhere', () => {
    const { log, member, session } = openMember()
    member.open(2)
    member.request(1, 1, create('/e', 1))
    member.commit()
    member.applyAll()
    member.request(2, 1, exists('/e', true))
    member.take()
    log.push(expireCommand(session))
    member.request(1, 2, create('/late'))
    member.request(1, 3, exists('/'))
    member.commit()
    member.take()
    expect(member.applyAll()).toEqual([
      'notify 2 deleted /e',
      'reply 1 xid=2 zxid=4 SessionExpired',
      'reply 1 xid=3 zxid=4 SessionExpired',
      'close 1',
    ])
    expect(member.request(1, 4, exists('/'))).toEqual([])
    expect(member.tree.nodes.has('/late')).toBe(false)
    member.connect(3, { session })
    member.commit()
    expect(member.applyAll()).toEqual(['refused 3', 'close 3'])
  })

  test('a session that moves to another member: what waits here fails with SessionMoved, then close', () => {
    const log: Log = []
    const here = new MemberDriver(log, 1)
    const there = new MemberDriver(log, 2)
    const session = here.open(1)
    there.applyAll()
    here.request(1, 1, create('/before'))
    here.commit()
    there.connect(1, { session })
    there.commit()
    here.request(1, 2, create('/after'))
    here.request(1, 3, exists('/'))
    here.commit()
    here.take()
    expect(here.applyAll()).toEqual([
      'reply 1 xid=1 zxid=2 create /before',
      'reply 1 xid=2 zxid=3 SessionMoved',
      'reply 1 xid=3 zxid=3 SessionMoved',
      'close 1',
    ])
    there.take()
    expect(there.applyAll()).toEqual(['connected 1 100000000000001'])
    expect([...there.tree.nodes.keys()]).toContain('/before')
    expect([...there.tree.nodes.keys()]).not.toContain('/after')
  })

  test('two connections race for one session at one member: the newer wins, also in the wrong order', () => {
    const { member, session } = openMember()
    member.do({ type: 'connection-lost', connection: 1 })
    member.connect(2, { session })
    member.connect(3, { session })
    member.forwarded.reverse()
    member.commit()
    expect(member.applyAll()).toEqual(['connected 3 100000000000001', 'close 2'])
  })
})

describe('a leader that does not hear', () => {
  test('forward-again repeats what is not applied, in order; copies have no effect', () => {
    const { member } = openMember()
    member.request(1, 1, create('/s', 2))
    member.request(1, 2, sync)
    member.request(1, 3, create('/s', 2))
    expect(member.do({ type: 'forward-again' })).toEqual(['forward 1#1 create', 'read-index 1'])
    expect(member.do({ type: 'read-index-reached', token: 1 })).toEqual(['forward 1#2 create'])
    expect(member.do({ type: 'forward-again' })).toEqual(['forward 1#1 create', 'forward 1#2 create'])
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=1 zxid=2 create /s0000000000',
      'reply 1 xid=2 zxid=2 sync',
      'reply 1 xid=3 zxid=4 create /s0000000001',
    ])
    expect(member.tree.zxid).toBe(6)
    expect(member.do({ type: 'forward-again' })).toEqual([])
  })

  test('a lost command makes a gap: those behind it have no effect until it is repeated', () => {
    const { member } = openMember()
    for (const xid of [1, 2, 3]) member.request(1, xid, create('/s', 2))
    member.forwarded.shift()
    member.commit()
    member.take()
    expect(member.applyAll()).toEqual(['forward 1#1 create', 'forward 1#2 create', 'forward 1#3 create'])
    member.commit()
    expect(member.applyAll()).toEqual([
      'reply 1 xid=1 zxid=4 create /s0000000000',
      'reply 1 xid=2 zxid=5 create /s0000000001',
      'reply 1 xid=3 zxid=6 create /s0000000002',
    ])
  })

  test('a connect that got lost is repeated; one that arrives twice opens once', () => {
    const member = new MemberDriver([])
    member.connect(1)
    expect(member.do({ type: 'forward-again' })).toEqual(['forward 1#0 create-session'])
    member.commit()
    expect(member.applyAll()).toEqual(['connected 1 100000000000001'])
  })

  test('stop-serving and a restored snapshot close every connection', () => {
    const { log, member } = openMember()
    member.open(2)
    member.take()
    expect(member.do({ type: 'stop-serving' })).toEqual(['close 1', 'close 2'])
    const other = new MemberDriver(log, 2)
    other.connect(1)
    const tree = restoreTree(snapshotTree(member.tree))
    other.take()
    expect(other.do({ type: 'restored', tree })).toEqual(['close 1'])
    expect(other.connect(2, { zxid: tree.zxid })).toEqual(['forward 2#0 create-session'])
  })
})

describe('bounds', () => {
  test('reading pauses while too many requests wait, and goes on at half', () => {
    const { member } = openMember()
    for (let xid = 1; xid < LIMITS.pendingRequestsPause; xid += 1) member.request(1, xid, create('/s', 2))
    member.take()
    expect(member.request(1, 0, ping)).toEqual(['pause 1'])
    member.commit()
    const effects = member.applyAll()
    const resumedAt = effects.indexOf('resume 1')
    expect(effects.slice(0, resumedAt).length).toBeGreaterThan(LIMITS.pendingRequestsPause / 2)
    expect(effects.filter((effect) => !effect.startsWith('reply'))).toEqual(['resume 1'])
  })

  test('so do too many bytes', () => {
    const { member } = openMember()
    member.request(1, 1, create('/a'), LIMITS.pendingBytesPause)
    member.commit()
    expect(member.take()).toEqual([])
    expect(member.applyAll()).toEqual(['reply 1 xid=1 zxid=2 create /a', 'resume 1'])
  })

  test('who goes on regardless is closed', () => {
    const { member } = openMember()
    for (let xid = 0; xid < LIMITS.pendingRequestsMax; xid += 1) member.request(1, xid, sync)
    member.take()
    expect(member.request(1, 0, ping)).toEqual(['close 1'])
  })

  test('sessions that were heard are reported once', () => {
    const { member, session } = openMember()
    member.queue.takeTouched()
    expect(member.queue.takeTouched()).toEqual([])
    member.request(1, -2, ping)
    member.request(1, -2, ping)
    expect(member.queue.takeTouched()).toEqual([session])
  })
})
