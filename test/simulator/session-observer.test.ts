import { describe, expect, test } from 'vitest'
import type { LinkEvents, SessionPlatform } from '../../client/coordinator/platform.ts'
import { SessionObserver, type TreeHistory } from '../../lab/simulator/observer/session-observer.ts'
import type { Request, Response } from '../../protocol/zookeeper/ops.ts'
import { EVENT_TYPES } from '../../protocol/zookeeper/ops.ts'
import {
  encodeConnectRequest,
  encodeConnectResponse,
  encodeNotification,
  encodeReply,
  encodeRequest,
} from '../../protocol/zookeeper/packets.ts'

const PASSWORD = new Uint8Array(16)
const stat = (mzxid: number) => ({
  czxid: 1,
  mzxid,
  ctime: 0,
  mtime: 0,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1,
})

/** A client and a member that say what they are told to say, and an observer between them. */
class Story {
  readonly changes: Record<string, number[]> = {}
  committed = 0
  readonly observer = new SessionObserver('shell', this.#tree())
  #member: LinkEvents | null = null
  #link: { write(bytes: Uint8Array): void } | null = null
  readonly #platform: SessionPlatform = this.observer.watching({
    timers: { nowMs: () => 0, after: () => ({ cancel: () => {} }), every: () => ({ cancel: () => {} }) },
    random: () => 0.5,
    onBug: () => {},
    dial: (_, events) => {
      this.#member = events
      return { write: () => {}, destroy: () => {} }
    },
  })

  #tree(): TreeHistory {
    const story = this
    return {
      get zxid() {
        return story.committed
      },
      firstChange: (kind, path, after) =>
        (this.changes[`${kind} ${path}`] ?? []).find((zxid) => zxid > after) ?? null,
    }
  }

  connect(session = 7n, lastZxidSeen = 0): this {
    this.#link = this.#platform.dial(
      { host: 'coordinator-1', port: 1 },
      { onConnect: () => {}, onData: () => {}, onClose: () => {} },
    )
    const connect = { protocolVersion: 0, timeoutMs: 1_000, password: PASSWORD, readOnly: false }
    this.#link.write(
      encodeConnectRequest({ ...connect, sessionId: lastZxidSeen === 0 ? 0n : session, lastZxidSeen }),
    )
    this.#member?.onData(encodeConnectResponse({ ...connect, sessionId: session }))
    return this
  }

  asks(xid: number, request: Request): this {
    this.#link?.write(encodeRequest(xid, request))
    return this
  }

  answers(xid: number, zxid: number, response: Response | null, err = 0): this {
    this.#member?.onData(encodeReply({ xid, zxid, err }, response))
    return this
  }

  event(type: number, path: string): this {
    this.#member?.onData(encodeNotification({ type, state: 3, path }))
    return this
  }

  reads(xid: number, path: string, watch = false): this {
    return this.asks(xid, { type: 'getData', path, watch })
  }
  /** `mzxid` of what was read; `zxid` of the state in which it was. */
  read(xid: number, zxid: number, mzxid = 1): this {
    return this.answers(xid, zxid, { type: 'getData', data: null, stat: stat(mzxid) })
  }
}

describe('what a session sees', () => {
  test('accepts an ordinary story, over two connections', () => {
    const story = new Story().connect()
    story.changes['data /a'] = [5, 9]
    story.reads(1, '/a', true).reads(2, '/b').read(1, 4).read(2, 4)
    story.event(EVENT_TYPES.dataChanged, '/a').reads(3, '/a', true).read(3, 6, 5)
    story.connect(7n, 6)
    story.asks(-8, { type: 'setWatches', relativeZxid: 6, data: ['/a'], exist: [], child: [] })
    story.event(EVENT_TYPES.dataChanged, '/a').answers(-8, 9, null)
    story.reads(1, '/b').read(1, 9)
    expect(story.observer.zxid).toBe(9)
  })

  test('accepts that nobody hears of what came and went while the client was away', () => {
    const story = new Story().connect()
    story.changes['data /a'] = [5, 6]
    story.asks(1, { type: 'exists', path: '/a', watch: true }).answers(1, 4, null, -101)
    story.connect(7n, 4)
    story.asks(-8, { type: 'setWatches', relativeZxid: 4, data: [], exist: ['/a'], child: [] })
    story.answers(-8, 6, null).reads(2, '/b').read(2, 6)
    story.changes['data /a'] = [5, 6, 8]
    story.reads(3, '/b')
    expect(() => story.read(3, 8)).toThrow(/WatchBeforeRead/)
  })

  test('ZxidMonotone: a sync that is answered before what was committed when it was sent', () => {
    const sync = { type: 'sync', path: '/' } as const
    const story = new Story().connect()
    story.committed = 7
    story.asks(1, sync)
    story.committed = 9
    story.answers(1, 7, sync)
    story.asks(2, sync)
    expect(() => story.answers(2, 8, sync)).toThrow(/ZxidMonotone.*sync is answered at 8, and 9 was/)
  })

  test('ZxidMonotone: a later reply of an earlier state', () => {
    const story = new Story().connect().reads(1, '/a').reads(2, '/a').read(1, 5)
    expect(() => story.read(2, 4)).toThrow(/ZxidMonotone.*shell.*has seen 5.*answered at 4/)
  })

  test('ZxidMonotone: so does a member that is behind, after a move', () => {
    const story = new Story().connect().reads(1, '/a').read(1, 5).connect(7n, 5).reads(1, '/a')
    expect(() => story.read(1, 3)).toThrow(/ZxidMonotone/)
  })

  test('ZxidMonotone: a client that keeps quiet about what it has seen', () => {
    const story = new Story().connect().reads(1, '/a').read(1, 5)
    expect(() => story.connect(7n, 4)).toThrow(/ZxidMonotone.*offers zxid 4.*seen 5/)
  })

  test('ZxidMonotone: one znode goes back, or shows what is yet to come', () => {
    const story = new Story().connect().reads(1, '/a').reads(2, '/a').read(1, 5, 5)
    expect(() => story.read(2, 6, 4)).toThrow(/ZxidMonotone.*\/a at 6 shows its change 4 after 5/)
    const future = new Story().connect().reads(1, '/a')
    expect(() => future.read(1, 5, 6)).toThrow(/ZxidMonotone.*\/a at 5 shows its change 6/)
  })

  test('a new session knows nothing of the old one', () => {
    const story = new Story().connect().reads(1, '/a').read(1, 5).connect(8n)
    expect(() => story.reads(1, '/a').read(1, 3)).not.toThrow()
  })

  test('SessionFifo: replies change places, or answer nothing', () => {
    const story = new Story().connect().reads(1, '/a').reads(2, '/b')
    expect(() => story.read(2, 4)).toThrow(/SessionFifo.*request 2 is answered where 1 is next/)
    expect(() => new Story().connect().read(3, 4)).toThrow(/SessionFifo.*where none is awaited/)
  })

  test('SessionFifo: writes take effect in another order', () => {
    const write = (path: string): Request => ({ type: 'setData', path, data: null, version: -1 })
    const story = new Story().connect().asks(1, write('/a')).asks(2, write('/b'))
    story.answers(1, 9, { type: 'setData', stat: stat(9) })
    expect(() => story.answers(2, 9, { type: 'setData', stat: stat(8) })).toThrow(
      /SessionFifo.*\/b took effect at 8.*at 9/,
    )
  })

  test('WatchBeforeRead: a reply of a state in which a watched znode has changed, and no event', () => {
    const story = new Story().connect().reads(1, '/ready', true).read(1, 4)
    story.changes['data /ready'] = [6]
    story.reads(2, '/b').read(2, 5)
    story.reads(3, '/b')
    expect(() => story.read(3, 6)).toThrow(
      /WatchBeforeRead.*\/ready, watched since 4, changed at 6: no event yet/,
    )
  })

  test('WatchBeforeRead: children, and what was not there', () => {
    const children = new Story().connect().asks(1, { type: 'getChildren', path: '/a', watch: true })
    children.answers(1, 4, { type: 'getChildren', children: [] })
    children.changes['child /a'] = [5]
    expect(() => children.reads(2, '/b').read(2, 5)).toThrow(/WatchBeforeRead.*\/a/)
    const absent = new Story().connect().asks(1, { type: 'exists', path: '/a', watch: true })
    absent.answers(1, 4, null, -101)
    absent.changes['data /a'] = [5]
    expect(() => absent.reads(2, '/b').read(2, 5)).toThrow(/WatchBeforeRead.*\/a/)
  })

  test('WatchBeforeRead: also where it changed between two connections', () => {
    const story = new Story().connect().reads(1, '/a', true).read(1, 4).connect(7n, 4)
    story.changes['data /a'] = [5]
    story.asks(-8, { type: 'setWatches', relativeZxid: 4, data: ['/a'], exist: [], child: [] })
    story.answers(-8, 5, null)
    expect(() => story.reads(1, '/b').read(1, 5)).toThrow(/WatchBeforeRead.*\/a/)
  })

  test('a read that failed leaves no watch, and one that its client has dropped is not awaited', () => {
    const story = new Story().connect().reads(1, '/a', true).answers(1, 4, null, -101)
    story.changes['data /a'] = [5]
    expect(() => story.reads(2, '/b').read(2, 5)).not.toThrow()
    const dropped = new Story().connect().reads(1, '/a', true).read(1, 4).connect(7n, 4)
    dropped.changes['data /a'] = [5]
    expect(() => dropped.reads(1, '/b').read(1, 5)).not.toThrow()
  })
})
