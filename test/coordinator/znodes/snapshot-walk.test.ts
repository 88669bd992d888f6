import { describe, expect, test } from 'vitest'
import { OPEN_ACL } from '../../../coordinator/znodes/acl.ts'
import { apply } from '../../../coordinator/znodes/apply.ts'
import type { Command, CommandOp } from '../../../coordinator/znodes/command.ts'
import { snapshotTree } from '../../../coordinator/znodes/snapshot.ts'
import { SnapshotWalk } from '../../../coordinator/znodes/snapshot-walk.ts'
import { newTree } from '../../../coordinator/znodes/tree.ts'
import { seededRng } from '../raft/member.ts'

const encoder = new TextEncoder()

/** A tree under random writes of one session, which ends and begins anew now and then. */
class Writer {
  readonly tree = newTree()
  readonly #rng
  #session = 0n
  #order = 0
  #connection = 0
  walk: SnapshotWalk | null = null

  constructor(seed: number) {
    this.#rng = seededRng(seed)
    this.#begin()
  }

  #apply(command: Command): bigint {
    this.walk?.keep(command)
    return apply(this.tree, this.tree.zxid + 1, command).opened
  }

  #entry(op: CommandOp, session = this.#session, order = 0): bigint {
    const owner = { member: 1, connection: this.#connection }
    return this.#apply({ timeWallMs: 7, session, owner, order, identities: null, op })
  }

  #begin(): void {
    this.#connection += 1
    this.#order = 0
    this.#session = this.#entry({ type: 'create-session', timeoutMs: 1000 }, 0n)
  }

  write(): void {
    const rng = this.#rng
    if (rng.chance(0.02)) {
      this.#entry({ type: 'expire-session' })
      this.#begin()
      return
    }
    this.#order += 1
    const op = rng.chance(0.2) ? ({ type: 'multi', ops: [this.#op(), this.#op()] } as const) : this.#op()
    this.#entry(op, this.#session, this.#order)
  }

  #op() {
    const rng = this.#rng
    const quota = rng.chance(0.1)
    const names = ['a', 'b', 'c', 'zookeeper_limits', 'zookeeper_stats']
    const depth = 1 + rng.below(3)
    const path = `${quota ? '/zookeeper/quota' : ''}/${Array.from({ length: depth }, () => names[rng.below(quota ? 5 : 3)]).join('/')}`
    const data = encoder.encode(quota ? 'count=9,bytes=999' : `${rng.below(1000)}`)
    const acl = OPEN_ACL
    const dice = rng.below(10)
    if (dice < 5) return { type: 'create2', path, data, acl, flags: rng.below(4) } as const
    if (dice < 8) return { type: 'setData', path, data, version: -1 } as const
    return { type: 'delete', path, version: -1 } as const
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

describe('a snapshot taken in slices', () => {
  test('is the state at its beginning, byte by byte, whatever is applied between', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const writer = new Writer(seed)
      for (let n = 0; n < 150; n += 1) writer.write()
      const whole = snapshotTree(writer.tree)
      writer.walk = new SnapshotWalk(writer.tree)
      for (let n = 0; n < 100; n += 1) writer.write()
      const parts: Uint8Array[] = []
      for (let part = writer.walk.next(); part !== null; part = writer.walk.next()) {
        parts.push(part)
        for (let n = 0; n < 10; n += 1) writer.write()
      }
      expect(joined(parts), `seed ${seed}`).toEqual(whole)
    }
  })

  test('has slices that are small', () => {
    const writer = new Writer(1)
    const { tree } = writer
    for (let n = 0; n < 5000; n += 1) {
      const op = { type: 'create', path: `/n${n}`, data: null, acl: OPEN_ACL, flags: 0 } as const
      const owner = { member: 1, connection: 1 }
      const session = [...tree.sessions.keys()][0] ?? 0n
      apply(tree, tree.zxid + 1, { timeWallMs: 1, session, owner, order: n + 1, identities: null, op })
    }
    const walk = new SnapshotWalk(tree)
    let slices = 0
    while (walk.next() !== null) slices += 1
    expect(slices).toBe(6)
  })
})
