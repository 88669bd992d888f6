import { describe, expect, test } from 'vitest'
import type { LogRecord, Outbox } from '../../chain/events.ts'
import { MemoryStore } from '../../chain/memory-store.ts'
import { restoreReplica } from '../../chain/restore.ts'
import { createReplica, type Replica } from '../../chain/state.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { asEpoch, asIncarnation, asKey, asSeq, asServerId } from '../../protocol/ids.ts'
import type { Clients } from '../support/chain-clients.ts'
import { walk } from '../support/chain-walk.ts'
import { CHAIN, type ChainServer } from '../support/chain-world.ts'

function restored(
  records: readonly LogRecord[],
  store: MemoryStore,
): { replica: Replica; added: LogRecord[] } {
  const replica = createReplica({
    chain: CHAIN,
    self: asServerId('n1'),
    incarnation: asIncarnation(99),
    store,
  })
  const added: LogRecord[] = []
  const out: Outbox = {
    persist: (record) => added.push(record),
    send: () => {},
    reply: () => {},
    report: () => {},
    flushStore: () => {},
    note: () => {},
  }
  restoreReplica(replica, records, out)
  return { replica, added }
}

describe('recovery', () => {
  test('a replica’s log never changes without a record: replayed, the records give the same log', () => {
    let compared = 0
    const onTurn = (server: ChainServer) => {
      const { replica } = server
      if (replica === null || replica.incoming !== null || ++compared % 7 !== 0) return
      const { log } = restored(server.log.records, server.store.copyOf(server.store.stateCount - 1)).replica
      expect([server.id, log.last, log.commit]).toEqual([server.id, replica.log.last, replica.log.commit])
      for (let seq = Math.max(log.base.seq, replica.log.base.seq) + 1; seq <= log.last; seq++)
        expect(log.entryAt(asSeq(seq))).toBe(replica.log.entryAt(asSeq(seq)))
    }
    for (let seed = 3001; seed <= 3060; seed++) walk({ seed, steps: 250, onTurn })
    expect(compared).toBeGreaterThan(10_000)
  })

  test('any torn log with any state of the store gives a state that was committed once, or nothing', () => {
    let empty = 0
    let whole = 0
    for (let seed = 4001; seed <= 4200; seed++) {
      const rng = new Rng(seed)
      const { world, clients } = walk({ seed, steps: 250 })
      for (const { log, store } of world.servers) {
        if (log.trimmed > 0) continue // its front rests on the newer states of the store
        for (let i = 0; i < 12; i++) {
          const records = log.records.slice(0, rng.below(log.records.length + 1))
          const { replica, added } = restored(records, store.copyOf(rng.below(store.stateCount)))
          if (replica.log.last === 0) empty++
          else whole++
          expectCommittedState(replica, clients)
          // What it says to the log joins what is there: a second recovery finds the same.
          const again = restored([...records, ...added], replica.store as MemoryStore).replica
          expect(again.log.lastPosition).toEqual(replica.log.lastPosition)
          expect(again.log.commit).toEqual(replica.log.commit)
        }
      }
    }
    expect(empty).toBeGreaterThan(100)
    expect(whole).toBeGreaterThan(1000)
  })

  test('a log whose front was trimmed joins the store behind what it has applied', () => {
    const entries = [3, 4, 5].map(entryRecord)
    const store = new MemoryStore()
    store.setMeta({ applied: { epoch: asEpoch(1), seq: asSeq(2) } })
    const { replica } = restored(entries, store)
    expect([replica.log.base.seq, replica.log.commit.seq, replica.log.last]).toEqual([2, 2, 5])
  })

  test('a gap between store and log is no state: it comes back empty, and may not seed (trap 11)', () => {
    const store = new MemoryStore()
    store.setMeta({ applied: { epoch: asEpoch(1), seq: asSeq(2) }, memberEpoch: asEpoch(4) })
    const { replica, added } = restored([4, 5].map(entryRecord), store)
    expect(replica.log.last).toBe(0)
    expect(store.meta.memberEpoch).toBe(0)
    expect(added).toEqual([{ type: 'reset', to: { epoch: 0, seq: 0 } }])
  })

  test('dirty entries come back dirty (trap 10), up to where the log was torn', () => {
    const records: LogRecord[] = [1, 2, 3].map(entryRecord)
    const commit: LogRecord = { type: 'commit', position: { epoch: asEpoch(1), seq: asSeq(1) } }
    const { replica } = restored([...records.slice(0, 2), commit, ...records.slice(2)], new MemoryStore())
    expect([replica.log.commit.seq, replica.log.last, replica.walDurable]).toEqual([1, 3, 3])
  })
})

function entryRecord(seq: number): LogRecord {
  const entry = { epoch: asEpoch(1), seq: asSeq(seq), origin: null, writes: [], sessions: null }
  return { type: 'entry', entry }
}

function expectCommittedState({ log, store }: Replica, { committed }: Clients): void {
  const { seq, epoch } = log.commit
  if (seq > 0) expect(committed.order[seq - 1]?.epoch).toBe(epoch)
  const items = store.scan({ prefix: asKey(''), after: null, limit: 1000 })
  expect(items.map(({ key, version }) => [key, version])).toEqual(
    committed.keysAt(seq).map((key) => [key, committed.stateAt(key, seq)?.version]),
  )
}
