import { expect, test } from 'vitest'
import type { Replica } from '../../../chain/state.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import { asChainId, asEpoch, asIncarnation, asMillis, asSeq, asServerId } from '../../../protocol/ids.ts'
import { Reconfigurations } from '../../../runtime/server/reconfigurations.ts'

const [chain, self] = [asChainId('c0'), asServerId('n1')]

const config = (epoch: number, servers: string): ChainConfig => ({
  chain,
  epoch: asEpoch(epoch),
  members: servers.split(' ').map((server) => ({
    ...{ server: asServerId(server), incarnation: asIncarnation(1), serving: true, leaving: false },
  })),
  joining: null,
  slots: [],
})

function watched() {
  const told: object[] = []
  const texts: string[] = []
  const info = (fields: object | string, text?: string) => {
    told.push(fields as object)
    texts.push(text ?? '')
  }
  const log = { debug: () => {}, info, warn: () => {}, error: () => {} }
  const stories = new Reconfigurations(self, log)
  const look = (nowMs: number, of: ChainConfig, last: number, commit: number) =>
    stories.look({
      ...{ chain, config: of, nowMs: asMillis(nowMs) },
      log: { last: asSeq(last), commit: { epoch: of.epoch, seq: asSeq(commit) } },
    } as unknown as Replica)
  return { told, texts, stories, look }
}

test('the head tells of each configuration once a write has committed in it: who, why, and for how long nothing did', () => {
  const { told, texts, stories, look } = watched()
  const [before, after] = [config(3, 'n1 n2 n3'), config(4, 'n1 n3 n4')]
  look(1000, before, 10, 9)
  look(1010, before, 10, 10)
  expect(told).toHaveLength(1) // the first that it has seen
  look(1100, before, 12, 10) // two writes, and n2 dies
  look(3000, before, 13, 10)
  stories.heardWhy(after, 'the session of n2 has expired')
  look(3100, after, 13, 10)
  expect(told).toHaveLength(1)
  look(3112, after, 13, 12)
  expect(told[1]).toEqual({
    event: 'reconfiguration',
    chain,
    epoch: 4,
    before: 'n1 -> n2 -> n3',
    after: 'n1 -> n3 -> n4',
    left: ['n2'],
    joined: ['n4'],
    why: 'the session of n2 has expired',
    writesStoodStillMs: 2102,
    oldestWriteWaitedMs: 2012,
  })
  expect(texts[1]).toBe(
    'c0, epoch 4: was n1 -> n2 -> n3, is n1 -> n3 -> n4; left: n2; joined: n4; because the session of n2 has expired; ' +
      'no write was committed for 2102 ms; the oldest that was under way waited 2012 ms',
  )
  look(4000, after, 14, 14)
  expect(told).toHaveLength(2)
  expect(stories.countOf(chain)).toBe(2)
})

test('without a write it is told after a while, or when the next one comes; and by nobody but the head', () => {
  const { told, texts, stories, look } = watched()
  look(0, config(1, 'n1 n2'), 0, 0)
  stories.tick(4999)
  expect(told).toHaveLength(0)
  stories.tick(5001)
  expect(texts).toEqual(['c0, epoch 1: is n1 -> n2; no write was committed in it so far'])
  look(6000, config(2, 'n1'), 0, 0)
  look(6001, config(3, 'n2 n1'), 0, 0)
  expect(texts[1]).toBe('c0, epoch 2: was n1 -> n2, is n1; left: n2; no write was committed in it so far')
  look(6002, config(3, 'n2 n1'), 1, 1)
  stories.tick(99_999)
  expect(told).toHaveLength(2)
})
