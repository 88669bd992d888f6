import { describe, expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import type { HistoryEvent, ZnodeInput } from '../../lab/checker/operations.ts'
import { operationsOf } from '../../lab/simulator/client/history.ts'
import { simulate } from '../../lab/simulator/simulate.ts'
import { noReadings } from '../../lab/simulator/znode-client/ready-file.ts'

const FAST = { znodeClients: 3, znodeThinkMs: [1, 30] } as const
const namesOf = (history: readonly HistoryEvent[]) =>
  new Set(history.flatMap((event) => (event.type === 'invoke' ? [(event.input as ZnodeInput).f] : [])))

describe('clients of the znode tree', () => {
  test('without faults everything is answered, by sessions that are opened and closed', async () => {
    const result = await simulate({ seed: 1, clients: 1, faults: [], faultSeconds: 20, shape: FAST })
    expect(result.failure).toBeNull()
    expect(result.undecided).toBe(0)
    expect(result.znodeOperations.ok).toBeGreaterThan(500)
    expect(namesOf(result.znodeHistory)).toEqual(
      new Set(['create', 'set', 'remove', 'read', 'children', 'sync']),
    )
    const sessions = new Set(result.znodeHistory.map((event) => ('process' in event ? event.process : '')))
    expect(sessions.size).toBeGreaterThan(4)
  })

  test('each story of the ready file is told: a configuration used whole, a reader that was warned in time', async () => {
    const total = noReadings()
    for (let seed = 1; seed <= 3; seed++) {
      const result = await simulate({ seed, clients: 1, faults: ['pause'], faultSeconds: 15, shape: FAST })
      expect(result.failure).toBeNull()
      for (const name of ['used', 'warned', 'torn', 'nothing'] as const) total[name] += result.readings[name]
    }
    expect(total.used).toBeGreaterThan(100)
    expect(total.warned).toBeGreaterThan(0)
    expect(total.torn).toBeGreaterThan(0)
  })

  test('the judge of their history sees a zxid that is not its own, and a value that was never written', async () => {
    const { znodeHistory } = await simulate({
      seed: 2,
      clients: 1,
      faults: [],
      faultSeconds: 10,
      shape: FAST,
    })
    const judged = (history: readonly HistoryEvent[]) =>
      check(operationsOf(history), { model: 'znodes' }).judgement
    expect(judged(znodeHistory)).toBe('linearizable')
    const set = znodeHistory.findIndex(
      (event) => event.type === 'ok' && 'version' in event.output && (event.output.version ?? 0) > 0,
    )
    const changed = (output: object) =>
      znodeHistory.map((event, i) =>
        i === set && event.type === 'ok' ? { ...event, output: { ...event.output, ...output } } : event,
      )
    expect(judged(changed({ zxid: 1 }))).toBe('not-linearizable')
    expect(judged(changed({ version: 99 }))).toBe('not-linearizable')
  })
})
