import { describe, expect, test } from 'vitest'
import { asChainId } from '../../../protocol/ids.ts'
import {
  chainFromJson,
  clusterOptionsFromJson,
  registrationFromJson,
} from '../../../runtime/cluster-znodes.ts'

const DEEP = '['.repeat(900_000)
const GARBAGE = ['', '{', 'null', '7', '[]', '"text"', '{}', DEEP, `{"a":${DEEP}`, '\0\xff']

test.each(GARBAGE.map((text) => [text.slice(0, 10), text]))('garbage is nothing: %s', (_, text) => {
  expect(registrationFromJson(text)).toBeNull()
  expect(clusterOptionsFromJson(text)).toBeNull()
  expect(chainFromJson(asChainId('c0'), text)).toBeNull()
})

describe('a registration', () => {
  const good = {
    server: 'n1',
    incarnation: 5,
    host: '127.0.0.1',
    port: 7001,
    httpPort: 8001,
    zone: '',
    dataId: 'd',
  }
  const read = (wrong: object) => registrationFromJson(JSON.stringify({ ...good, ...wrong }))

  test('names somebody who can be dialled', () => {
    expect(read({})).toMatchObject({ ...good, holds: {}, draining: false })
    for (const server of ['', 'a b', 'a/b', '../n1', 'x'.repeat(65), 7, null])
      expect(read({ server })).toBeNull()
    for (const port of [-1, 65_536, 1.5, '7001', null]) expect(read({ port })).toBeNull()
    for (const host of ['', 7, null]) expect(read({ host })).toBeNull()
    for (const incarnation of [-1, 1e300, '5']) expect(read({ incarnation })).toBeNull()
  })

  test('claims to hold only what makes sense', () => {
    const held = { epoch: 3, last: 9, commit: 8 }
    const claims = { c0: held, c1: null, c2: {}, c3: { ...held, epoch: -1 }, c4: { ...held, last: 'nine' } }
    expect(read({ holds: claims })?.holds).toEqual({ c0: held })
    for (const holds of [null, 7, 'all', []]) expect(read({ holds })?.holds).toEqual({})
  })
})

describe('a configuration', () => {
  const member = { server: 'n1', incarnation: 1, serving: true, leaving: false }
  const good = { chain: 'c0', epoch: 1, members: [member], joining: null, slots: [[0, 16_383]] }
  const read = (wrong: object) => chainFromJson(asChainId('c0'), JSON.stringify({ ...good, ...wrong }))

  test('is of the chain where it was found, and somebody serves it', () => {
    expect(read({})).toEqual(good)
    for (const chain of ['c1', '../c0', '', 7]) expect(read({ chain })).toBeNull()
    for (const epoch of [-1, 1.5, 1e300, '1']) expect(read({ epoch })).toBeNull()
    for (const members of [
      [],
      [{ ...member, serving: false }],
      [member, member],
      [{ ...member, server: '/' }],
      7,
    ])
      expect(read({ members })).toBeNull()
    for (const slots of [[[0, 16_384]], [[5, 4]], [[-1, 4]], [['a', 4]], 'all'])
      expect(read({ slots })).toBeNull()
    for (const joining of [{ server: 'n1', incarnation: 2 }, { server: 'a b', incarnation: 1 }, 7])
      expect(read({ joining })).toBeNull()
  })
})

test('options of a cluster are within reason', () => {
  const good = {
    clusterId: 'x',
    chainCount: 4,
    replicationFactor: 3,
    durability: 'sync',
    replication: 'craq',
    sessionTimeoutMs: 2000,
  }
  const read = (wrong: object) => clusterOptionsFromJson(JSON.stringify({ ...good, ...wrong }))
  expect(read({})).toEqual(good)
  for (const chainCount of [0, -1, 1e9, 1.5, '4']) expect(read({ chainCount })).toBeNull()
  for (const replicationFactor of [0, -3, 1.5]) expect(read({ replicationFactor })).toBeNull()
  expect(read({ durability: 'maybe' })).toBeNull()
  expect(read({ replication: 'magic' })).toBeNull()
  expect(read({ replication: undefined })).toEqual(good) // written before there was a choice
})
