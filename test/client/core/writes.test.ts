import { describe, expect, test } from 'vitest'
import { fakeChain, fakeMap } from '../../support/fake-server.ts'
import { Driver, identityOf } from './driver.ts'

const map = fakeMap([fakeChain({ chain: 'c0', servers: ['n1', 'n2', 'n3'] })])
const newer = fakeMap([fakeChain({ chain: 'c0', servers: ['n2', 'n3'], epoch: 2 })])

describe('exactly-once sessions', () => {
  test('the first write opens the session of its chain; writes wait for it and leave together, numbered from 1', () => {
    const driver = Driver.knowing(map)
    const ids = [driver.put('a'), driver.put('b')]
    const opening = driver.takeOne()
    expect(opening).toMatchObject({
      to: 'n1',
      message: { type: 'write', identity: null, command: { type: 'open-session' } },
    })
    driver.reply('n1', {
      type: 'write-reply',
      call: opening.message.call,
      result: { type: 'written', version: 77 as never, number: null },
    })
    const sent = driver.take()
    expect(sent.map(identityOf)).toEqual([
      [77, 1, 1],
      [77, 2, 1],
    ])
    expect(ids.map((id) => driver.ending(id))).toEqual(['open', 'open'])
  })

  test('answeredBelow is the lowest unanswered number', () => {
    const driver = Driver.inSession(map) // has used number 1
    for (let i = 0; i < 3; i++) driver.put()
    const [second, third, fourth] = driver.take()
    const answer = (sent: typeof second) =>
      driver.reply('n1', {
        type: 'write-reply',
        call: sent?.message.call ?? 0,
        result: { type: 'written', version: 200 as never, number: null },
      })
    answer(third)
    driver.put()
    expect(identityOf(driver.takeOne())).toEqual([100, 5, 2])
    answer(second)
    driver.put()
    expect(identityOf(driver.takeOne())).toEqual([100, 6, 4])
    answer(fourth)
    driver.put()
    expect(identityOf(driver.takeOne())).toEqual([100, 7, 5])
  })

  test('a retry keeps its identity and goes to the new head', () => {
    const driver = Driver.inSession(map)
    driver.nowMs += 1_000 // the map that it has is not fresh
    const id = driver.put()
    const first = driver.takeOne()
    driver.down('n1')
    const request = driver.takeOne()
    expect(request.message.type).toBe('map-request')
    expect(request.to).not.toBe('n1')
    driver.reply(request.to, { type: 'map-reply', call: request.message.call, map: newer })
    const retry = driver.takeOne()
    expect(retry.to).toBe('n2')
    expect(identityOf(retry)).toEqual(identityOf(first))
    expect(retry.message.call).not.toBe(first.message.call)
    driver.reply('n2', {
      type: 'write-reply',
      call: retry.message.call,
      result: { type: 'written', version: 9 as never, number: null },
    })
    expect(driver.ending(id)).toBe('written')
  })

  test('no reply in time: the map is asked for, and the same head tried again where it has not changed', () => {
    const driver = Driver.inSession(map)
    const id = driver.put()
    const first = driver.takeOne()
    driver.after(1_000)
    const [request] = driver.take()
    expect(request?.message.type).toBe('map-request')
    driver.reply(request?.to ?? '', { type: 'map-reply', call: request?.message.call ?? 0, map })
    driver.after(20)
    const retry = driver.takeOne()
    expect(identityOf(retry)).toEqual(identityOf(first))
    expect(retry.to).toBe('n1')
    // The answer to the first try is as good as one to the second.
    driver.reply('n1', {
      type: 'write-reply',
      call: first.message.call,
      result: { type: 'written', version: 9 as never, number: null },
    })
    expect(driver.ending(id)).toBe('written')
    expect(driver.state.calls.size).toBe(0)
  })

  test('a lapsed session: a write that was never tried goes on in a new one', () => {
    const driver = Driver.inSession(map)
    const id = driver.put()
    driver.fails(driver.takeOne(), 'SESSION_LAPSED')
    const opening = driver.written(300)
    expect(opening.message).toMatchObject({ command: { type: 'open-session' } })
    const again = driver.written(301)
    expect(identityOf(again)).toEqual([300, 1, 1])
    expect(driver.ending(id)).toBe('written')
  })

  test('a lapsed session: a write that was tried before ends as indefinite', () => {
    const driver = Driver.inSession(map)
    const id = driver.put()
    driver.take()
    driver.after(1_000)
    driver.after(20)
    const [retry] = driver.takeRequests()
    if (retry === undefined) throw new Error('not tried again')
    driver.fails(retry, 'SESSION_LAPSED')
    expect(driver.ending(id)).toBe('SESSION_LAPSED indefinite')
  })

  test('a lapsed session that several writes hit is opened again once', () => {
    const driver = Driver.inSession(map)
    const ids = [driver.put(), driver.put()]
    for (const sent of driver.take()) driver.fails(sent, 'SESSION_LAPSED')
    driver.written(300)
    expect(driver.take().map(identityOf)).toEqual([
      [300, 1, 1],
      [300, 2, 1],
    ])
    expect(ids.map((id) => driver.ending(id))).toEqual(['open', 'open'])
  })

  test('the window bounds what the head must remember; writes beyond it wait', () => {
    const driver = Driver.inSession(map, 100, { limits: { sessionWindowMax: 2 } })
    for (let i = 0; i < 3; i++) driver.put()
    const [first, second] = driver.take()
    expect([first, second].map((sent) => sent && identityOf(sent)?.[1])).toEqual([2, 3])
    driver.reply('n1', {
      type: 'write-reply',
      call: first?.message.call ?? 0,
      result: { type: 'written', version: 9 as never, number: null },
    })
    expect(identityOf(driver.takeOne())).toEqual([100, 4, 3])
  })

  test('where the session cannot be opened, the writes that wait for it end with the reason, as definite', () => {
    const driver = Driver.knowing(map)
    const id = driver.put('k', 2_000)
    driver.fails(driver.takeOne(), 'OVERLOADED')
    driver.after(100)
    driver.fails(driver.takeRequests()[0] as never, 'OVERLOADED')
    driver.after(2_000)
    expect(driver.ending(id)).toBe('OVERLOADED definite')
    expect(driver.state.outstandingCount).toBe(0)
  })
})

describe('without sessions', () => {
  test('a connection that breaks leaves a write in doubt', () => {
    const driver = Driver.knowing(map, { exactlyOnce: false })
    const id = driver.put()
    expect(driver.takeOne().message).toMatchObject({ type: 'write', identity: null })
    driver.down('n1')
    expect(driver.ending(id)).toBe('CONNECTION_LOST indefinite')
  })

  test('a write that the head refuses is tried again: it did not happen', () => {
    const driver = Driver.knowing(map, { exactlyOnce: false })
    const id = driver.put()
    driver.fails(driver.takeOne(), 'NOT_HEAD', newer)
    expect(driver.takeOne().to).toBe('n2')
    expect(driver.ending(id)).toBe('open')
  })

  test('no reply: it waits for its whole time, because it may not be tried again', () => {
    const driver = Driver.knowing(map, { exactlyOnce: false })
    const id = driver.put('k', 5_000)
    driver.take()
    driver.after(4_900)
    expect(driver.takeRequests()).toEqual([])
    driver.after(100)
    expect(driver.ending(id)).toBe('TIMEOUT indefinite')
  })
})

describe('redirects and errors', () => {
  test('NOT_HEAD with a newer map: the new head is asked at once', () => {
    const driver = Driver.inSession(map)
    const id = driver.put()
    driver.fails(driver.takeOne(), 'NOT_HEAD', newer)
    const retry = driver.takeOne()
    expect([retry.to, identityOf(retry)]).toEqual(['n2', [100, 2, 2]])
    expect(driver.ending(id)).toBe('open')
  })

  test('NOT_HEAD with a map that is no newer: asks for one, and waits', () => {
    const driver = Driver.inSession(map)
    driver.nowMs += 1_000
    driver.put()
    driver.fails(driver.takeOne(), 'NOT_HEAD', map)
    expect(driver.takeOne().message.type).toBe('map-request')
    driver.after(20)
    expect(driver.takeRequests().map((sent) => sent.to)).toEqual(['n1'])
  })

  test('an older map changes nothing', () => {
    const driver = Driver.inSession(newer)
    driver.put()
    driver.fails(driver.takeOne(), 'NOT_HEAD', map)
    driver.after(20)
    expect(driver.takeRequests().map((sent) => sent.to)).toEqual(['n2'])
  })

  test('OVERLOADED: waits longer each time, with jitter, and ends as definite', () => {
    const driver = Driver.inSession(map, 100, { draw: () => 0.5 })
    const id = driver.put('k', 300)
    const waits: number[] = []
    while (driver.ending(id) === 'open') {
      for (const sent of driver.takeRequests()) driver.fails(sent, 'OVERLOADED')
      const before = driver.nowMs
      while (driver.ending(id) === 'open' && driver.takeRequests().length === 0) {
        driver.after(1)
        if (driver.sent.some((sent) => sent.message.type === 'write')) break
      }
      waits.push(driver.nowMs - before)
    }
    expect(waits.slice(0, 4)).toEqual([15, 30, 60, 120])
    expect(driver.ending(id)).toBe('OVERLOADED definite')
  })

  test('an error that says never is the end, definite where no earlier try is in doubt', () => {
    const driver = Driver.inSession(map)
    const clean = driver.put()
    driver.fails(driver.takeOne(), 'TOO_LARGE')
    expect(driver.ending(clean)).toBe('TOO_LARGE definite')
    const doubtful = driver.put()
    driver.take()
    driver.after(1_000)
    driver.after(20)
    driver.fails(driver.takeRequests()[0] as never, 'BAD_ARGUMENT')
    expect(driver.ending(doubtful)).toBe('BAD_ARGUMENT indefinite')
  })

  test('an earlier try that turns out to have failed is in doubt no longer', () => {
    const driver = Driver.inSession(map)
    const id = driver.put()
    const first = driver.takeOne()
    driver.after(1_000)
    driver.after(20)
    const second = driver.takeRequests()[0] as typeof first
    driver.fails(first, 'NOT_SERVING')
    driver.fails(second, 'TOO_LARGE')
    expect(driver.ending(id)).toBe('TOO_LARGE definite')
  })

  test('STORAGE_FAILED leaves a write in doubt', () => {
    const driver = Driver.inSession(map)
    const id = driver.put('k', 1_000)
    driver.fails(driver.takeOne(), 'STORAGE_FAILED')
    driver.after(1_000)
    expect(driver.ending(id)).toBe('STORAGE_FAILED indefinite')
  })

  test('nothing is tried after the deadline', () => {
    const driver = Driver.inSession(map)
    const id = driver.put('k', 1_500)
    driver.take()
    driver.after(1_000)
    driver.after(500)
    driver.take()
    expect(driver.ending(id)).toBe('TIMEOUT indefinite')
    for (let i = 0; i < 20; i++) driver.after(100)
    expect(driver.takeRequests()).toEqual([])
    expect([driver.state.outstandingCount, driver.state.calls.size, driver.state.waiting.size]).toEqual([
      0, 0, 0,
    ])
  })

  test('a number that was given up counts as answered', () => {
    const driver = Driver.inSession(map)
    driver.put('k', 500)
    driver.take()
    driver.after(500)
    driver.put()
    expect(identityOf(driver.takeRequests()[0] as never)).toEqual([100, 3, 3])
  })
})

describe('bounds and closing', () => {
  test('too many requests, or bytes, are refused at once, as definite', () => {
    const driver = Driver.inSession(map, 100, { limits: { outstandingMax: 2 } })
    expect([driver.put(), driver.put(), driver.put()].map((id) => driver.ending(id))).toEqual([
      'open',
      'open',
      'OVERLOADED definite',
    ])
    const bytes = Driver.inSession(map, 100, { limits: { outstandingBytesMax: 15 } })
    expect([bytes.put(), bytes.put()].map((id) => bytes.ending(id))).toEqual(['open', 'OVERLOADED definite'])
  })

  test('close: what was sent is in doubt, what only waited is not', () => {
    const driver = Driver.inSession(map, 100, { limits: { sessionWindowMax: 1 } })
    const [sent, queued, read] = [driver.put(), driver.put(), driver.get()]
    driver.step({ type: 'close' })
    expect(driver.ending(sent)).toBe('CLOSED indefinite')
    expect(driver.ending(queued)).toBe('CLOSED definite')
    expect(driver.ending(read)).toBe('CLOSED definite')
    expect(driver.ending(driver.put())).toBe('CLOSED definite')
    expect(driver.state.outstandingCount).toBe(0)
  })
})

describe('slots that move', () => {
  const before = fakeMap([fakeChain({ chain: 'c0', servers: ['n1'] })])
  const after = fakeMap([
    { ...fakeChain({ chain: 'c0', servers: ['n1'], epoch: 2 }), slots: [] },
    fakeChain({ chain: 'c1', servers: ['n2'], epoch: 3 }),
  ])

  test('WRONG_CHAIN: the write goes on in a session of the other chain', () => {
    const driver = Driver.inSession(before)
    const id = driver.put()
    driver.fails(driver.takeOne(), 'WRONG_CHAIN', after)
    expect(driver.written(50)).toMatchObject({
      to: 'n2',
      message: { chain: 'c1', command: { type: 'open-session' } },
    })
    expect(identityOf(driver.written(51))).toEqual([50, 1, 1])
    expect(driver.ending(id)).toBe('written')
  })

  test('WRONG_CHAIN with an earlier try in doubt: indefinite', () => {
    const driver = Driver.inSession(before)
    const id = driver.put()
    driver.take()
    driver.after(1_000)
    driver.after(20)
    driver.fails(driver.takeRequests()[0] as never, 'WRONG_CHAIN', after)
    expect(driver.ending(id)).toBe('WRONG_CHAIN indefinite')
  })
})
