import type {
  Condition,
  Expiry,
  Mutation,
  Versioned,
  WriteCommand,
  WriteResult,
} from '../../protocol/commands.ts'
import type { Entry } from '../../protocol/entry.ts'
import { asMillis, asSeq, type Key, type Seq } from '../../protocol/ids.ts'

interface Change {
  readonly seq: Seq
  readonly now: Versioned | null
}

/**
 * What a chain must look like from outside: one store, one copy, commands one after the other. Slow and obvious: it keeps every state
 * that ever was, so that a read can be asked which of them it saw.
 */
export class SequentialStore {
  readonly order: Entry[] = []
  readonly #changes = new Map<Key, Change[]>()

  get length(): Seq {
    return asSeq(this.order.length)
  }

  /** State of a key once the first `point` entries have been applied. */
  stateAt(key: Key, point: number): Versioned | null {
    const changes = this.#changes.get(key) ?? []
    for (let i = changes.length - 1; i >= 0; i--) {
      const change = changes[i]
      if (change !== undefined && change.seq <= point) return change.now
    }
    return null
  }

  /** Seq of the newest write of a key among the first `point` entries, also where it deleted the key. */
  writtenAt(key: Key, point: number): number {
    return (this.#changes.get(key) ?? []).findLast((change) => change.seq <= point)?.seq ?? 0
  }

  keysAt(point: number): Key[] {
    return [...this.#changes.keys()].filter((key) => this.stateAt(key, point) !== null).sort()
  }

  append(entry: Entry): void {
    this.order.push(entry)
    for (const { key, value, expiresAtWallMs } of entry.writes) {
      const now = value === null ? null : { value, version: entry.seq, expiresAtWallMs }
      const changes = this.#changes.get(key)
      if (changes === undefined) this.#changes.set(key, [{ seq: entry.seq, now }])
      else changes.push({ seq: entry.seq, now })
    }
  }

  /** What a command answers, and leaves behind, right after the entries so far. */
  run(command: WriteCommand, wallMs: number): { result: WriteResult; after: Map<Key, Versioned | null> } {
    const seq = asSeq(this.length + 1)
    const after = new Map<Key, Versioned | null>()
    const read = (key: Key): Versioned | null => {
      const now = this.stateAt(key, this.length)
      if (now === null || now.expiresAtWallMs === 0 || now.expiresAtWallMs > wallMs) return now
      if (!after.has(key)) after.set(key, null) // whoever meets a key whose time has passed deletes it
      return null
    }
    const put = (key: Key, value: Uint8Array, expiresAtWallMs: number) => {
      after.set(key, { value, version: seq, expiresAtWallMs: asMillis(expiresAtWallMs) })
    }
    const mutate = (mutation: Mutation) => {
      if (mutation.type === 'delete') after.set(mutation.key, null)
      else
        put(
          mutation.key,
          mutation.value,
          expiryOf(mutation.expiry, () => read(mutation.key)),
        )
    }
    const written = (number: number | null = null): WriteResult => ({ type: 'written', version: seq, number })
    const run = (): WriteResult => {
      switch (command.type) {
        case 'open-session':
          return written()
        case 'put':
        case 'delete': {
          if (command.condition !== null) {
            const current = read(command.key)
            if (!meets(command.condition, current)) return { type: 'unmatched', current }
          }
          if (command.type === 'delete' && read(command.key) === null)
            return { type: 'written', version: asSeq(0), number: null }
          mutate(command)
          return written()
        }
        case 'append':
        case 'prepend': {
          const old = read(command.key)
          const bytes = [...(old?.value ?? [])]
          const whole =
            command.type === 'append' ? [...bytes, ...command.value] : [...command.value, ...bytes]
          put(command.key, Uint8Array.from(whole), old?.expiresAtWallMs ?? 0)
          return written(whole.length)
        }
        case 'increment': {
          const old = read(command.key)
          const text = old === null ? '0' : String.fromCharCode(...old.value)
          if (!/^(0|-?[1-9]\d{0,14})$/.test(text))
            return { type: 'refused', code: 'NOT_A_NUMBER', message: '' }
          const sum = Number(text) + command.by
          put(
            command.key,
            Uint8Array.from([...`${sum}`].map((c) => c.charCodeAt(0))),
            old?.expiresAtWallMs ?? 0,
          )
          return written(sum)
        }
        case 'get-and-set': {
          const old = read(command.key)
          if (command.value === null) after.set(command.key, null)
          else
            put(
              command.key,
              command.value,
              expiryOf(command.expiry, () => old),
            )
          return { type: 'read-back', applied: true, version: seq, reads: [old] }
        }
        case 'expire': {
          const old = read(command.key)
          if (old === null) return { type: 'unmatched', current: null }
          put(command.key, old.value, command.atWallMs)
          return written()
        }
        case 'transaction': {
          const reads = command.reads.map(read)
          let applied = true
          for (const { key, condition } of command.compares) applied = applied && meets(condition, read(key))
          if (applied) for (const mutation of command.writes) mutate(mutation)
          return { type: 'read-back', applied, version: seq, reads }
        }
      }
    }
    return { result: run(), after }
  }
}

const expiryOf = (expiry: Expiry, old: () => Versioned | null): number =>
  expiry.type === 'set' ? expiry.atWallMs : (old()?.expiresAtWallMs ?? 0)

function meets(condition: Condition, current: Versioned | null): boolean {
  switch (condition.type) {
    case 'absent':
      return current === null
    case 'present':
      return current !== null
    case 'version':
      return current !== null && current.version === condition.version
    case 'value':
      return current !== null && String(current.value) === String(condition.value)
  }
}
