import { describe, expect, test } from 'vitest'
import { readStatus } from '../../lab/page/serve/read-status.ts'
import { ratesBetween, readRequestTimes } from '../../lab/page/serve/request-times.ts'
import type { LiveChain, LiveSnapshot } from '../../lab/page/serve/snapshot.ts'
import { storyOf } from '../../lab/page/serve/story.ts'
import { coordinatorStatus, requestMetrics, serverStatus } from './fake-cluster.ts'

const NOTHING: LiveSnapshot = {
  atMs: 1,
  servers: [],
  coordinators: [],
  strangers: [],
  chains: [],
  rates: null,
}
const member = (server: string, serving = true, leaving = false) => ({ server, serving, leaving })
const chain = (
  epoch: number,
  members: LiveChain['members'],
  joining: string | null = null,
): LiveSnapshot => ({
  ...NOTHING,
  chains: [{ chain: 'c0', epoch, members, joining }],
})
const server = (more: object) => {
  const answer = readStatus({ ...serverStatus('n1'), ...more }, 'a:1')
  if (answer?.type !== 'server') throw new Error('not a server')
  return { ...NOTHING, servers: [{ ...answer.server, rates: null }] }
}
const coordinator = (...args: Parameters<typeof coordinatorStatus>) => {
  const answer = readStatus(coordinatorStatus(...args), 'a:1')
  if (answer?.type !== 'coordinator') throw new Error('not a coordinator')
  return { ...NOTHING, coordinators: [answer.coordinator] }
}
const texts = (before: LiveSnapshot, after: LiveSnapshot) => storyOf(before, after).map(({ text }) => text)

describe('the story', () => {
  test('of a chain from a loss to full strength', () => {
    const full = chain(3, [member('n1'), member('n2')])
    const one = chain(4, [member('n1')])
    const joins = chain(5, [member('n1')], 'n2')
    const handed = chain(6, [member('n1'), member('n2', false)])
    const serves = chain(7, [member('n1'), member('n2')])
    expect(texts(full, one)).toEqual(['n2’s session ended; c0 is now n1 at epoch 4'])
    expect(texts(one, joins)).toEqual(['n2 begins to join; c0 is now n1 (n2 is joining) at epoch 5'])
    expect(texts(joins, handed)).toEqual([
      'n2 is a member, not serving yet; c0 is now n1, n2 (not serving yet) at epoch 6',
    ])
    expect(texts(handed, serves)).toEqual(['n2 was handed off to and serves; c0 is now n1, n2 at epoch 7'])
    expect(texts(serves, full), 'an older epoch is no news').toEqual([])
  })

  test('of a drain', () => {
    const leaving = chain(4, [member('n1'), member('n2', true, true)])
    expect(texts(leaving, chain(5, [member('n1')]))).toEqual(['n2 has left; c0 is now n1 at epoch 5'])
  })

  test('of leases, lives and disks', () => {
    expect(texts(server({}), server({ leaseMs: 0 }))).toEqual([
      expect.stringContaining('n1 has no lease now'),
    ])
    expect(texts(server({ leaseMs: 0 }), server({}))).toEqual(['n1 has a lease'])
    expect(texts(server({}), server({ incarnation: 2 }))).toEqual([
      'n1 begins another life, with another incarnation',
    ])
    expect(texts(server({}), server({ storage: 'EIO' }))).toEqual(['the disk of n1 failed: EIO'])
  })

  test('of elections', () => {
    expect(texts(coordinator('k1', 'leader', 2), coordinator('k1', 'follower', 3))).toEqual([
      'no coordinator leads: membership cannot change until one is elected',
    ])
    expect(texts(coordinator('k1', 'follower', 3), coordinator('k1', 'leader', 4))).toEqual([
      'k1 leads the coordinators now, term 4',
    ])
  })
})

test('rates and latencies are those of the time between two readings', () => {
  const before = readRequestTimes(`${requestMetrics('get', 1000, 0)}\n${requestMetrics('put', 7, 0)}`)
  const after = readRequestTimes(`${requestMetrics('get', 1090, 10)}\n${requestMetrics('put', 7, 0)}`)
  const rates = ratesBetween(before, after, 2)
  expect(rates).toMatchObject({ readsPerSecond: 50, writesPerSecond: 0, writeP50Ms: null })
  expect(rates?.readP50Ms).toBeLessThanOrEqual(1)
  expect(rates?.readP99Ms).toBeGreaterThan(1)
  expect(ratesBetween(after, before, 2), 'a process that has started anew').toBeNull()
  expect(readRequestTimes('garbage\n{}').reads.count).toBe(0)
})
