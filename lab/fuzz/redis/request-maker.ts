/** Requests as a hostile client would send them: right ones, changed ones, and what never was one. */
import { COMMANDS } from '../../../runtime/doors/redis/registry.ts'
import type { Rng } from '../../simulator/kernel/rng.ts'

const NAMES = [...COMMANDS.keys()].filter((name) => !['quit', 'debug', 'reset'].includes(name))
/** Most of the load is on these. */
const FREQUENT = ['get', 'set', 'incr', 'mget', 'mset', 'append', 'setrange', 'multi', 'exec', 'watch', 'del']
const WORDS = [
  ...['', '0', '1', '-1', '9223372036854775807', '-9223372036854775808', '1e400', 'nan', '0x10', '*', '[^'],
  ...[
    'EX',
    'PX',
    'NX',
    'XX',
    'GET',
    'KEEPTTL',
    'IDX',
    'LEN',
    'COUNT',
    'MATCH',
    'REPLACE',
    'DB',
    'ID',
    'TYPE',
  ],
  ...['\r\n', '\0', '\xff\xfe', '$5', '*3', '{}', '{x}', '{', '}', '-ERR x', 'default', 'SETNAME', 'AUTH'],
]
const LINES = [
  '*',
  '$',
  '*-1',
  '*0',
  '$-1',
  '*1000000',
  '$8388608',
  '$8388609',
  '*2147483648',
  '$00',
  '*+1',
  '$ 1',
]
const KEYS = 50

export class RequestMaker {
  readonly #rng: Rng
  /** Of the inputs so far. */
  mutated = 0

  constructor(rng: Rng) {
    this.#rng = rng
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#rng.below(items.length)] as Item
  }

  #word(): string {
    const rng = this.#rng
    if (rng.chance(0.5)) return `{t}${rng.below(KEYS)}`
    if (rng.chance(0.8)) return this.#pick(WORDS)
    if (rng.chance(0.95)) return 'x'.repeat(rng.below(200))
    return 'y'.repeat(rng.below(20_000))
  }

  /** One request, whole: right or wrong only in what it says. */
  request(): Buffer {
    const rng = this.#rng
    const name = rng.chance(0.5) ? this.#pick(FREQUENT) : this.#pick(NAMES)
    const command = COMMANDS.get(name)
    const arity = command?.arity ?? 2
    const few = Math.abs(arity) - 1
    const count = rng.chance(0.7) ? few + (arity < 0 ? rng.below(4) : 0) : rng.below(6)
    const words = [name, ...Array.from({ length: count }, () => this.#word())]
    const { subcommands } = command ?? {}
    if (subcommands !== undefined && words.length > 1 && rng.chance(0.9)) words[1] = this.#pick(subcommands)
    if (rng.chance(0.03)) return Buffer.from(`${words.join(' ')}\r\n`, 'latin1')
    const parts = words.map((word) => `$${word.length}\r\n${word}\r\n`)
    return Buffer.from(`*${words.length}\r\n${parts.join('')}`, 'latin1')
  }

  /** A request, changed in most cases. */
  input(): Buffer {
    const rng = this.#rng
    const bytes = this.request()
    if (rng.chance(0.3)) return bytes
    this.mutated++
    switch (rng.below(7)) {
      case 0:
        bytes[rng.below(bytes.length)] = rng.below(256)
        return bytes
      case 1:
        return bytes.subarray(0, rng.below(bytes.length))
      case 2: {
        const at = rng.below(bytes.length)
        return Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(`${this.#pick(LINES)}\r\n`),
          bytes.subarray(at),
        ])
      }
      case 3: {
        const [a, b] = [rng.below(bytes.length), rng.below(bytes.length)]
        return Buffer.concat([bytes.subarray(0, Math.max(a, b)), bytes.subarray(Math.min(a, b))])
      }
      case 4:
        return Buffer.from(bytes.toString('latin1').replace(/\d+/, String(rng.below(1 << 30))), 'latin1')
      case 5:
        return Buffer.from(Array.from({ length: 1 + rng.below(60) }, () => rng.below(256)))
      default:
        return Buffer.concat([bytes, this.request(), bytes])
    }
  }
}
